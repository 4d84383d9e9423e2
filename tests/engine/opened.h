/* opened.h: models and sessions that a test cannot go on without. */
#ifndef ESPALIER_TESTS_OPENED_H
#define ESPALIER_TESTS_OPENED_H

#include "engine/engine.h"

/* Fail the test with the engine's message. options may be NULL. */
struct eng_model *open_model(const char *path, const struct eng_model_options *options);
struct eng_session *open_session(const struct eng_model *model);

#endif

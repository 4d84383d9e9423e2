#include "tests/engine/opened.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct eng_model *open_model(const char *path, const struct eng_model_options *options)
{
    struct eng_model *model = NULL;
    struct eng_error err = {""};
    if (eng_model_open(path, options, &model, &err) != ENG_OK) fail_msg("%s", err.text);
    return model;
}

struct eng_session *open_session(const struct eng_model *model)
{
    struct eng_session *session = NULL;
    struct eng_error err = {""};
    if (eng_session_new(model, 0, &session, &err) != ENG_OK) fail_msg("%s", err.text);
    return session;
}

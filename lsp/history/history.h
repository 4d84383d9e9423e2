/* history.h: what became of the suggestions on this machine.
 *
 * A small SQLite file that only its owner can read. One row for each suggestion that an editor
 * showed: when, in which language, how sure the model was, how long it took, how long the
 * suggestion was on screen, how much of it was kept. No text, no file name, no path: neither of the
 * document nor of the suggestion. Nothing of it ever leaves the machine.
 *
 *   suggestion(id, time, language, model, asked, latency_ms, visible_ms, confidence,
 *              characters, lines, kept, outcome)
 *
 * The file holds the last HIST_MAX_ROWS suggestions. Several processes may have it open.
 *
 * Errors: false, and one line in the caller's hist_error that names the file. Threads: a history
 * belongs to one thread at a time.
 */
#ifndef ESPALIER_HISTORY_H
#define ESPALIER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIST_MAX_ROWS 100000

/* Nobody has read what was on screen for less. */
#define HIST_VISIBLE_MS 750.0

struct hist_error {
    char text[512];
    bool busy; /* another process held the file for two seconds: the same may go through later */
};

enum hist_outcome {
    HIST_IGNORED, /* nothing of it came into the document */
    HIST_TYPED,   /* it was typed along, by hand, as far as `kept` says */
    HIST_PARTIAL, /* a part was taken at once */
    HIST_ACCEPTED /* all of it is in the document, and not by hand */
};
#define HIST_OUTCOMES 4

struct hist_suggestion {
    int64_t time;         /* when it was shown, in seconds since 1970 */
    const char *language; /* "" when none is known */
    const char *model;    /* its name */
    bool asked;           /* by hand; else it came while typing */
    double latency_ms, visible_ms;
    double confidence;
    uint32_t characters, lines; /* of the suggestion */
    uint32_t kept;              /* characters of it that are in the document */
    enum hist_outcome outcome;
};

struct history;

/* Opens the file, creates it and its folder (readable by the user alone) where create is set;
 * without it, a file that is not there is no error: *out is NULL then. */
bool hist_open(const char *path, bool create, struct history **out, struct hist_error *err);
void hist_close(struct history *history); /* takes NULL */

/* Adds suggestions, all or none, and forgets the oldest beyond the limit. */
bool hist_add(struct history *history, const struct hist_suggestion *suggestions, size_t n,
              struct hist_error *err);

/* Sums over suggestions that were on screen for at least min_visible_ms or of which something was
 * kept. */
struct hist_totals {
    uint64_t shown, outcomes[HIST_OUTCOMES];
    uint64_t characters, kept; /* suggested, and kept */
    uint64_t glimpsed;         /* shorter on screen, nothing kept: in no other number */
    double latency_p50_ms, latency_p95_ms;
};

/* Of all languages, or of one. since: seconds since 1970. */
bool hist_sum(struct history *history, const char *language, int64_t since, double min_visible_ms,
              struct hist_totals *out, struct hist_error *err);

/* Calls back for each language that there is something of, in the order of their names. */
typedef void (*hist_language)(const char *language, void *user);
bool hist_languages(struct history *history, int64_t since, hist_language each, void *user,
                    struct hist_error *err);

/* Deletes all rows, and what the file still held of them. */
bool hist_clear(struct history *history, struct hist_error *err);

#endif

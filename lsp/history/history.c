/* history.c: the SQLite file behind history.h.
 *
 * Owns the schema and all statements. Values are always bound, never written into a statement. It
 * deliberately has no cache and no thread: who must not wait (the server's loop) adds several
 * suggestions at a time, elsewhere.
 *
 * The file is in SQLite's rollback mode rather than with a write-ahead log, as homes on network
 * file systems have no shared memory. user_version tells the schema: a file of a newer program is
 * left alone, any other content is an error, never overwritten.
 */
#include "lsp/history/history.h"
#include "lsp/folders.h"
#include "lsp/history/filter.h"

#include <sqlite3.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA_VERSION 1
#define BUSY_MS        2000
#define MAX_PATH       4096

struct history {
    sqlite3 *db;
    char path[MAX_PATH];
};

static bool fail(struct hist_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->busy = false;
    return false;
}

static bool fail_sql(const struct history *h, struct hist_error *err)
{
    fail(err, "%.300s: %.180s", h->path, sqlite3_errmsg(h->db));
    err->busy = (sqlite3_errcode(h->db) & 0xff) == SQLITE_BUSY;
    return false;
}

static bool run(struct history *h, const char *sql, struct hist_error *err)
{
    return sqlite3_exec(h->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail_sql(h, err);
}

/* ---- Opening ----------------------------------------------------------------------------- */

static bool read_version(struct history *h, int *out, struct hist_error *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(h->db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
        return fail_sql(h, err);
    bool ok = sqlite3_step(statement) == SQLITE_ROW;
    *out = ok ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    return ok || fail_sql(h, err);
}

static bool prepare_file(struct history *h, struct hist_error *err)
{
    static const char schema[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS suggestion("
        "id INTEGER PRIMARY KEY, time INTEGER NOT NULL, language TEXT NOT NULL,"
        "model TEXT NOT NULL, asked INTEGER NOT NULL, latency_ms REAL NOT NULL,"
        "visible_ms REAL NOT NULL, confidence REAL NOT NULL, characters INTEGER NOT NULL,"
        "lines INTEGER NOT NULL, kept INTEGER NOT NULL, outcome INTEGER NOT NULL);"
        "CREATE INDEX IF NOT EXISTS suggestion_time ON suggestion(time);"
        "PRAGMA user_version=1;"
        "COMMIT";
    int version = 0;
    sqlite3_busy_timeout(h->db, BUSY_MS);
    sqlite3_extended_result_codes(h->db, 1);
    if (!run(h, "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON; PRAGMA synchronous=NORMAL",
             err) ||
        !read_version(h, &version, err))
        return false;
    if (version > SCHEMA_VERSION)
        return fail(err, "%.300s is of a newer version (%d, expected at most %d)", h->path, version,
                    SCHEMA_VERSION);
    return version == SCHEMA_VERSION || run(h, schema, err);
}

bool hist_open(const char *path, bool create, struct history **out, struct hist_error *err)
{
    struct stat status;
    *out = NULL;
    if (strlen(path) >= MAX_PATH || path[0] != '/')
        return fail(err, "%.300s is no absolute path of at most %d bytes", path, MAX_PATH - 1);
    bool there = stat(path, &status) == 0;
    if (!there && !create) return true;
    if (there && !S_ISREG(status.st_mode)) return fail(err, "%.300s is no file", path);
    if (!there && !lsp_make_folder_of(path))
        return fail(err, "the folder of %.300s cannot be made: %s", path, strerror(errno));
    struct history *h = calloc(1, sizeof *h);
    if (!h) return fail(err, "out of memory");
    snprintf(h->path, sizeof h->path, "%s", path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool ok = sqlite3_open_v2(path, &h->db, flags, NULL) == SQLITE_OK || fail_sql(h, err);
    if (ok && !there && chmod(path, 0600) != 0)
        ok = fail(err, "%.300s cannot be made private: %s", path, strerror(errno));
    ok = ok && prepare_file(h, err);
    if (!ok) {
        hist_close(h);
        return false;
    }
    *out = h;
    return true;
}

void hist_close(struct history *history)
{
    if (!history) return;
    sqlite3_close(history->db);
    free(history);
}

/* ---- Adding ------------------------------------------------------------------------------ */

static bool add_one(struct history *h, sqlite3_stmt *insert, const struct hist_suggestion *s,
                    struct hist_error *err)
{
    int column = 0;
    sqlite3_bind_int64(insert, ++column, s->time);
    sqlite3_bind_text(insert, ++column, s->language, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, ++column, s->model, -1, SQLITE_STATIC);
    sqlite3_bind_int(insert, ++column, s->asked);
    sqlite3_bind_double(insert, ++column, s->latency_ms);
    sqlite3_bind_double(insert, ++column, s->visible_ms);
    sqlite3_bind_double(insert, ++column, s->confidence);
    sqlite3_bind_int64(insert, ++column, s->characters);
    sqlite3_bind_int64(insert, ++column, s->lines);
    sqlite3_bind_int64(insert, ++column, s->kept);
    sqlite3_bind_int(insert, ++column, (int)s->outcome);
    bool ok = sqlite3_step(insert) == SQLITE_DONE || fail_sql(h, err);
    sqlite3_reset(insert);
    return ok;
}

static bool add_all(struct history *h, const struct hist_suggestion *suggestions, size_t n,
                    struct hist_error *err)
{
    sqlite3_stmt *insert, *forget;
    bool ok = sqlite3_prepare_v2(h->db,
                                 "INSERT INTO suggestion(time, language, model, asked, latency_ms,"
                                 "visible_ms, confidence, characters, lines, kept, outcome)"
                                 "VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                                 -1, &insert, NULL) == SQLITE_OK ||
              fail_sql(h, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = add_one(h, insert, &suggestions[i], err);
    sqlite3_finalize(insert);
    if (!ok) return false;
    if (sqlite3_prepare_v2(
            h->db, "DELETE FROM suggestion WHERE id <= (SELECT max(id) FROM suggestion) - ?", -1,
            &forget, NULL) != SQLITE_OK)
        return fail_sql(h, err);
    sqlite3_bind_int64(forget, 1, HIST_MAX_ROWS);
    ok = sqlite3_step(forget) == SQLITE_DONE || fail_sql(h, err);
    sqlite3_finalize(forget);
    return ok;
}

bool hist_add(struct history *history, const struct hist_suggestion *suggestions, size_t n,
              struct hist_error *err)
{
    struct hist_error ignored;
    if (!run(history, "BEGIN IMMEDIATE", err)) return false;
    if (add_all(history, suggestions, n, err) && run(history, "COMMIT", err)) return true;
    run(history, "ROLLBACK", &ignored);
    return false;
}

/* ---- Sums -------------------------------------------------------------------------------- */

#define COUNTED                                                                                    \
    " FROM suggestion WHERE time >= ?1 AND (?2 IS NULL OR language = ?2)"                          \
    " AND (visible_ms >= ?3 OR kept > 0)"

static sqlite3_stmt *prepare_sum(struct history *h, const char *sql, const char *language,
                                 int64_t since, double min_visible_ms)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(h->db, sql, -1, &statement, NULL) != SQLITE_OK) return NULL;
    sqlite3_bind_int64(statement, 1, since);
    if (language) sqlite3_bind_text(statement, 2, language, -1, SQLITE_STATIC);
    sqlite3_bind_double(statement, 3, min_visible_ms);
    return statement;
}

static uint64_t count_at(sqlite3_stmt *statement, int column)
{
    int64_t n = sqlite3_column_int64(statement, column);
    return n > 0 ? (uint64_t)n : 0;
}

/* The latency that `share` of the `n` suggestions do not exceed. */
static bool latency_at(struct history *h, const char *language, int64_t since,
                       double min_visible_ms, uint64_t n, double share, double *out,
                       struct hist_error *err)
{
    sqlite3_stmt *statement =
        prepare_sum(h, "SELECT latency_ms" COUNTED " ORDER BY latency_ms LIMIT 1 OFFSET ?4",
                    language, since, min_visible_ms);
    if (!statement) return fail_sql(h, err);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)((double)(n - 1) * share));
    bool ok = sqlite3_step(statement) == SQLITE_ROW;
    if (ok) *out = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    return ok || fail_sql(h, err);
}

bool hist_sum(struct history *history, const char *language, int64_t since, double min_visible_ms,
              struct hist_totals *out, struct hist_error *err)
{
    *out = (struct hist_totals){0};
    sqlite3_stmt *statement = prepare_sum(
        history, "SELECT outcome, count(*), sum(characters), sum(kept)" COUNTED " GROUP BY outcome",
        language, since, min_visible_ms);
    if (!statement) return fail_sql(history, err);
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        int outcome = sqlite3_column_int(statement, 0);
        if (outcome < 0 || outcome >= HIST_OUTCOMES) continue; /* nobody wrote such */
        out->outcomes[outcome] = count_at(statement, 1);
        out->shown += out->outcomes[outcome];
        out->characters += count_at(statement, 2);
        out->kept += count_at(statement, 3);
    }
    sqlite3_finalize(statement);
    if (step != SQLITE_DONE) return fail_sql(history, err);

    statement = prepare_sum(history,
                            "SELECT count(*) FROM suggestion WHERE time >= ?1"
                            " AND (?2 IS NULL OR language = ?2) AND visible_ms < ?3 AND kept = 0",
                            language, since, min_visible_ms);
    if (!statement) return fail_sql(history, err);
    if (sqlite3_step(statement) == SQLITE_ROW) out->glimpsed = count_at(statement, 0);
    sqlite3_finalize(statement);
    if (out->shown == 0) return true;
    return latency_at(history, language, since, min_visible_ms, out->shown, 0.5,
                      &out->latency_p50_ms, err) &&
           latency_at(history, language, since, min_visible_ms, out->shown, 0.95,
                      &out->latency_p95_ms, err);
}

bool hist_languages(struct history *history, int64_t since, hist_language each, void *user,
                    struct hist_error *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(history->db,
                           "SELECT DISTINCT language FROM suggestion WHERE time >= ?1 ORDER BY 1",
                           -1, &statement, NULL) != SQLITE_OK)
        return fail_sql(history, err);
    sqlite3_bind_int64(statement, 1, since);
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *language = (const char *)sqlite3_column_text(statement, 0);
        if (language) each(language, user);
    }
    sqlite3_finalize(statement);
    return step == SQLITE_DONE || fail_sql(history, err);
}

bool hist_learn(struct history *history, const char *model, double min_visible_ms,
                struct hist_filter *out, struct hist_error *err)
{
    double confidence[HIST_LEARN_ROWS];
    bool taken[HIST_LEARN_ROWS];
    size_t n = 0;
    int step = SQLITE_DONE;
    sqlite3_stmt *statement;
    *out = (struct hist_filter){0, 1, 0};
    if (sqlite3_prepare_v2(history->db,
                           "SELECT confidence, kept FROM suggestion WHERE model = ?1 AND asked = 0"
                           " AND (visible_ms >= ?2 OR kept > 0) ORDER BY id DESC LIMIT ?3",
                           -1, &statement, NULL) != SQLITE_OK)
        return fail_sql(history, err);
    sqlite3_bind_text(statement, 1, model, -1, SQLITE_STATIC);
    sqlite3_bind_double(statement, 2, min_visible_ms);
    sqlite3_bind_int(statement, 3, HIST_LEARN_ROWS);
    while (n < HIST_LEARN_ROWS && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        confidence[n] = sqlite3_column_double(statement, 0);
        taken[n++] = sqlite3_column_int64(statement, 1) > 0;
    }
    sqlite3_finalize(statement);
    if (step != SQLITE_DONE && step != SQLITE_ROW) return fail_sql(history, err);
    hist_fit(confidence, taken, n, out);
    return true;
}

bool hist_clear(struct history *history, struct hist_error *err)
{
    return run(history, "DELETE FROM suggestion", err) && run(history, "VACUUM", err);
}

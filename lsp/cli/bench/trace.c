/* Lines of a trace to values. Owns nothing; whether a step fits the text is who applies it. */
#include "lsp/cli/bench/trace.h"

#include <cjson/cJSON.h>

#include <stdint.h>
#include <string.h>

/* What is left of a line. */
struct rest {
    const char *at, *end;
};

static bool skip_blank(struct rest *r)
{
    if (r->at == r->end || *r->at != ' ') return false;
    r->at++;
    return true;
}

static bool number(struct rest *r, size_t *out)
{
    const char *start = r->at;
    *out = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (*out > (SIZE_MAX - 9) / 10) return false;
        *out = *out * 10 + (size_t)(*r->at - '0');
    }
    return r->at > start;
}

static bool ends(const struct rest *r)
{
    return r->at == r->end;
}

bool bench_trace_cut(const char *line, size_t len, size_t *start, size_t *end, const char **why)
{
    static const char word[] = "cut";
    struct rest r = {line, line + len};
    *why = "expected \"cut START END\"";
    if (len < sizeof word - 1 || memcmp(line, word, sizeof word - 1) != 0) return false;
    r.at += sizeof word - 1;
    return skip_blank(&r) && number(&r, start) && skip_blank(&r) && number(&r, end) && ends(&r) &&
           *start <= *end;
}

static bool text(struct rest *r, struct bench_step *out, const char **why)
{
    const char *end = NULL;
    *why = "expected a JSON string, its text shorter than 512 bytes";
    cJSON *value = cJSON_ParseWithLengthOpts(r->at, (size_t)(r->end - r->at), &end, false);
    bool ok = cJSON_IsString(value) && end == r->end &&
              (out->len = strlen(value->valuestring)) < sizeof out->text;
    if (ok) memcpy(out->text, value->valuestring, out->len + 1);
    cJSON_Delete(value);
    return ok;
}

bool bench_trace_step(const char *line, size_t len, struct bench_step *out, const char **why)
{
    struct rest r = {line, line + len};
    *out = (struct bench_step){.kind = 0};
    *why = "expected \"PAUSE i|d|m AT ...\"";
    if (!number(&r, &out->pause_ms) || !skip_blank(&r) || ends(&r)) return false;
    out->kind = *r.at++;
    if (!strchr("idm", out->kind) || !out->kind || !skip_blank(&r) || !number(&r, &out->at))
        return false;
    if (out->kind == 'm') {
        skip_blank(&r);
        return ends(&r);
    }
    if (!skip_blank(&r)) return false;
    if (out->kind == 'i') return text(&r, out, why);
    *why = "expected \"PAUSE d AT N\"";
    return number(&r, &out->removed) && ends(&r);
}

/* outline.c: parts of an outline, as many as there are tokens for.
 *
 * Owns the choice by token budget and nothing else: priorities are the syntax's, the place of
 * the chosen lines in the sequence is prompt.c's. Lines come whole, so that their tokens are
 * those of the cache; only the line that the window starts in is taken up to that place.
 */
#include "lsp/assist/outline.h"
#include "lsp/assist/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum eng_status no_memory(struct eng_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for an outline");
    return ENG_NO_MEMORY;
}

enum eng_status asst_place_of(const struct syn_document *doc, struct asst_tokens *cache,
                              size_t token, size_t n_lines, struct asst_place *out,
                              struct eng_error *err)
{
    const struct asst_token *tokens;
    size_t count;
    for (size_t line = 0; line < n_lines; line++) {
        enum eng_status status = asst_tokens_line(cache, line, &tokens, &count, err);
        if (status != ENG_OK) return status;
        if (token >= count) {
            token -= count;
            continue;
        }
        *out = (struct asst_place){line, token, syn_line_start(doc, line)};
        for (size_t i = 0; i < token; i++)
            out->byte += tokens[i].bytes;
        return ENG_OK;
    }
    *out = (struct asst_place){n_lines, 0, syn_line_start(doc, n_lines)};
    return ENG_OK;
}

/* Tokens of a line that lie in front of the place. */
static enum eng_status tokens_before(struct asst_tokens *cache, size_t line,
                                     const struct asst_place *before, size_t *count,
                                     struct eng_error *err)
{
    const struct asst_token *tokens;
    *count = line == before->line ? before->skip : 0;
    if (line >= before->line) return ENG_OK;
    return asst_tokens_line(cache, line, &tokens, count, err);
}

/* Where the line is among those chosen, or would be. */
static size_t slot_of(const struct asst_outline *outline, size_t line, bool *there)
{
    size_t lo = 0, hi = outline->n_lines;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (outline->lines[mid] < line)
            lo = mid + 1;
        else
            hi = mid;
    }
    *there = lo < outline->n_lines && outline->lines[lo] == line;
    return lo;
}

/* Takes the part when it fits into max tokens. Every line that is taken has a token, so
 * lines[max] has room. */
static enum eng_status take_part(struct asst_outline *outline, struct asst_tokens *cache,
                                 const struct asst_place *before,
                                 const struct syn_outline_part *part, uint32_t max,
                                 struct eng_error *err)
{
    size_t cost = 0, count;
    bool there;
    for (size_t line = part->first_line; line <= part->last_line; line++) {
        slot_of(outline, line, &there);
        if (there) continue;
        enum eng_status status = tokens_before(cache, line, before, &count, err);
        if (status != ENG_OK) return status;
        cost += count;
    }
    if (cost == 0 || cost > max - outline->tokens) return ENG_OK;
    for (size_t line = part->first_line; line <= part->last_line; line++) {
        size_t slot = slot_of(outline, line, &there);
        enum eng_status status = tokens_before(cache, line, before, &count, err);
        if (status != ENG_OK) return status;
        if (there || count == 0) continue;
        memmove(outline->lines + slot + 1, outline->lines + slot,
                (outline->n_lines - slot) * sizeof *outline->lines);
        outline->lines[slot] = (uint32_t)line;
        outline->n_lines++;
    }
    outline->tokens += cost;
    return ENG_OK;
}

enum eng_status asst_outline_choose(const struct asst_source *source, struct asst_tokens *cache,
                                    const struct asst_place *before, size_t near_end, uint32_t max,
                                    struct asst_outline *out, struct eng_error *err)
{
    *out = (struct asst_outline){0};
    struct syn_outline_part *parts = malloc(SYN_OUTLINE_MAX * sizeof *parts);
    out->lines = malloc(((size_t)max + 1) * sizeof *out->lines);
    size_t count = 0;
    enum eng_status status = parts && out->lines ? ENG_OK : no_memory(err);
    if (status == ENG_OK) {
        struct syn_error why = {""};
        enum syn_status syn = source->hole ? syn_hole_outline(source->hole, before->byte, near_end,
                                                              parts, SYN_OUTLINE_MAX, &count, &why)
                                           : syn_outline(source->doc, before->byte, near_end, parts,
                                                         SYN_OUTLINE_MAX, &count, &why);
        status = asst_from_syntax(syn, &why, err);
    }
    for (size_t i = 0; status == ENG_OK && i < count; i++)
        status = take_part(out, cache, before, &parts[i], max, err);
    free(parts);
    return status;
}

enum eng_status asst_outline_trim(struct asst_outline *outline, struct asst_tokens *cache,
                                  const struct asst_place *before, struct eng_error *err)
{
    size_t n = 0, count;
    outline->tokens = 0;
    for (size_t i = 0; i < outline->n_lines; i++) {
        enum eng_status status = tokens_before(cache, outline->lines[i], before, &count, err);
        if (status != ENG_OK) return status;
        if (count > 0) outline->lines[n++] = outline->lines[i];
        outline->tokens += count;
    }
    outline->n_lines = n;
    return ENG_OK;
}

void asst_outline_free(struct asst_outline *outline)
{
    free(outline->lines);
    *outline = (struct asst_outline){0};
}

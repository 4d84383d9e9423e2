/* Changes: found, put together, tried out.
 *
 * Of places inside each other the outer one is a change; those inside are rewritten in what it puts
 * there, as far as they are part of that. Whether a text still parses is asked of all changes at
 * once, and only where it does not, of halves of them.
 */
#include "lsp/assist/refactor/refactor.h"
#include "grammars/grammars.h"
#include "lsp/assist/refactor/template.h"

#include <stdlib.h>
#include <string.h>

/* ---- Finding ----------------------------------------------------------------------- */

static bool add(struct ref_changes *out, const struct ref_change *change)
{
    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? 2 * out->capacity : 16;
        struct ref_change *grown = realloc(out->list, capacity * sizeof *grown);
        if (!grown) return false;
        out->list = grown;
        out->capacity = capacity;
    }
    out->list[out->count++] = *change;
    return true;
}

struct search {
    struct ref_places places;
    size_t left_out;
    bool failed;
};

static bool on_found(const struct syn_found *found, void *user)
{
    struct search *s = user;
    struct ref_places *p = &s->places;
    if (p->count == REF_CHANGES_MAX) {
        s->left_out++;
        return true;
    }
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 16;
        struct syn_found *grown = realloc(p->list, capacity * sizeof *grown);
        s->failed = !grown;
        if (!grown) return false;
        p->list = grown;
        p->capacity = capacity;
    }
    p->list[p->count++] = *found;
    return true;
}

/* ---- Comments ---------------------------------------------------------------------- */

struct comments {
    struct syn_span *list;
    size_t count, capacity;
    bool failed;
};

static bool note_comment(const struct syn_node *node, void *user)
{
    struct comments *c = user;
    if (node->kind != GRAM_KIND_COMMENT || node->start == node->end) return true;
    if (c->count > 0 && node->start < c->list[c->count - 1].end) return true; /* a part of one */
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 64;
        struct syn_span *grown = realloc(c->list, capacity * sizeof *grown);
        c->failed = !grown;
        if (!grown) return false;
        c->list = grown;
        c->capacity = capacity;
    }
    c->list[c->count++] = (struct syn_span){node->start, node->end};
    return true;
}

/* Would a comment in it go that no name stands for? */
static bool loses_comment(const struct syn_found *found, const struct comments *comments,
                          const bool used[SYN_SKETCH_NAMES])
{
    for (size_t i = 0; i < comments->count; i++) {
        struct syn_span c = comments->list[i];
        bool kept = c.end <= found->span.start || c.start >= found->span.end;
        for (size_t k = 0; k < SYN_SKETCH_NAMES && !kept; k++)
            kept = used[k] && c.start >= found->names[k].start && c.end <= found->names[k].end;
        if (!kept) return true;
    }
    return false;
}

/* Looks at the whole text once, for what changes have to keep: takes places out that a change would
 * lose a comment of. False when memory ran out. */
static bool prepare(struct ref_places *p, const char *template, struct ref_changes *out)
{
    struct comments comments = {0};
    bool used[SYN_SKETCH_NAMES];
    size_t kept = 0;
    if (p->count > 0) syn_document_walk(p->doc, note_comment, &comments);
    bool prepared = p->count == 0 || ref_prepare(p);
    for (size_t k = 0; k < SYN_SKETCH_NAMES; k++)
        used[k] = ref_uses(p->sketch, template, (int)k);
    for (size_t i = 0; i < p->count; i++) {
        if (loses_comment(&p->list[i], &comments, used))
            out->commented++;
        else
            p->list[kept++] = p->list[i];
    }
    p->count = kept;
    free(comments.list);
    return prepared && !comments.failed;
}

/* Changes of the places; false when memory ran out. */
static bool make_changes(const struct ref_places *places, const char *template,
                         struct ref_changes *out)
{
    uint32_t end = 0; /* of the last one */
    for (size_t i = 0; i < places->count; i++) {
        struct ref_change change = {.span = places->list[i].span};
        if (template && change.span.start < end) {
            out->inside++;
            continue;
        }
        if (template && !(change.text = ref_fill(places, template, i, &change.len))) return false;
        if (!add(out, &change)) {
            free(change.text);
            return false;
        }
        end = change.span.end;
    }
    return true;
}

enum syn_status ref_find(const struct syn_sketch *sketch, const char *template,
                         const struct syn_document *doc, struct ref_changes *out,
                         struct syn_error *err)
{
    struct search s = {.places = {.sketch = sketch, .doc = doc}};
    *out = (struct ref_changes){0};
    enum syn_status status = syn_sketch_run(sketch, doc, on_found, &s, err);
    out->left_out = s.left_out;
    bool failed = s.failed;
    if (status == SYN_OK && !failed)
        failed = (template && !prepare(&s.places, template, out)) ||
                 !make_changes(&s.places, template, out);
    ref_places_free(&s.places);
    if (status != SYN_OK || !failed) return status;
    if (err) strcpy(err->text, "out of memory for changes");
    return SYN_NO_MEMORY;
}

void ref_changes_free(struct ref_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->list[i].text);
    free(changes->list);
    *changes = (struct ref_changes){0};
}

/* ---- Applying ---------------------------------------------------------------------- */

/* The text with changes [from, to) that are wanted; the caller frees. */
static char *with_changes(const struct syn_document *doc, const struct ref_changes *changes,
                          const bool *wanted, size_t *len)
{
    size_t had, at = 0, n = 0;
    const char *text = syn_document_text(doc, &had);
    size_t size = had + 1;
    for (size_t i = 0; i < changes->count; i++)
        size += wanted[i] ? changes->list[i].len : 0;
    char *out = malloc(size);
    if (!out) return NULL;
    for (size_t i = 0; i < changes->count; i++) {
        const struct ref_change *c = &changes->list[i];
        if (!wanted[i]) continue;
        memcpy(out + n, text + at, c->span.start - at);
        n += c->span.start - at;
        memcpy(out + n, c->text, c->len);
        n += c->len;
        at = c->span.end;
    }
    memcpy(out + n, text + at, had - at);
    *len = n + had - at;
    out[*len] = 0;
    return out;
}

/* Does it parse as well as the document does? False when memory ran out, too. */
static bool parses(const struct syn_document *doc, const char *text, size_t len)
{
    struct syn_document *made = NULL;
    bool ok = syn_document_new(syn_document_language(doc), text, len, &made, NULL) == SYN_OK &&
              syn_document_parse(made, 0, NULL) == SYN_OK &&
              syn_document_cost(made) <= syn_document_cost(doc);
    syn_document_free(made);
    return ok;
}

/* Adds those of [from, to) that leave a text that parses to the wanted ones, in as few tries as
 * halving takes. False when memory ran out. */
static bool choose(const struct syn_document *doc, const struct ref_changes *changes, bool *wanted,
                   size_t from, size_t to)
{
    size_t len;
    if (from == to) return true;
    memset(wanted + from, true, to - from);
    char *text = with_changes(doc, changes, wanted, &len);
    if (!text) return false;
    bool ok = parses(doc, text, len);
    free(text);
    if (ok) return true;
    memset(wanted + from, false, to - from);
    size_t middle = from + (to - from) / 2;
    return to - from == 1 ||
           (choose(doc, changes, wanted, from, middle) && choose(doc, changes, wanted, middle, to));
}

char *ref_apply(const struct syn_document *doc, struct ref_changes *changes, size_t *len,
                size_t *refused)
{
    bool *wanted = calloc(changes->count + 1, sizeof *wanted);
    char *out = NULL;
    *refused = 0;
    if (wanted && choose(doc, changes, wanted, 0, changes->count))
        out = with_changes(doc, changes, wanted, len);
    size_t kept = 0;
    for (size_t i = 0; out && i < changes->count; i++) {
        if (wanted[i])
            changes->list[kept++] = changes->list[i];
        else
            free(changes->list[i].text);
    }
    if (out) {
        *refused = changes->count - kept;
        changes->count = kept;
    }
    free(wanted);
    return out;
}

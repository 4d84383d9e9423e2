/* Changes: found, put together, tried out.
 *
 * Of places inside each other the outer one is a change; those inside are rewritten in what it puts
 * there, as far as they are part of that. Whether a text still parses is asked of all changes at
 * once, and only where it does not, of halves of them.
 */
#include "lsp/assist/refactor/refactor.h"
#include "lsp/assist/refactor/template.h"
#include "lsp/assist/text.h"

#include <stdlib.h>
#include <string.h>

static enum syn_status no_memory(struct syn_error *err)
{
    if (err) strcpy(err->text, "out of memory for changes");
    return SYN_NO_MEMORY;
}

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

static bool on_found(size_t which, const struct syn_found *found, void *user)
{
    (void)which;
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

/* ---- What changes have to keep ----------------------------------------------------- */

/* Would a comment in it go that no name stands for? */
static bool loses_comment(const struct ref_places *p, const struct syn_found *found,
                          const bool used[SYN_SKETCH_NAMES])
{
    const struct ref_spans *comments = &p->comments;
    for (size_t i = ref_spans_behind(comments, found->span.start);
         i < comments->count && comments->list[i].start < found->span.end; i++) {
        struct syn_span c = comments->list[i];
        bool kept = false;
        for (size_t k = 0; k < SYN_SKETCH_NAMES && !kept; k++)
            kept = used[k] && c.start >= found->names[k].start && c.end <= found->names[k].end;
        if (!kept) return true;
    }
    return false;
}

/* Takes places out that a change would lose a comment of. */
static void keep_comments(struct ref_places *p, const char *template, struct ref_changes *out)
{
    bool used[SYN_SKETCH_NAMES];
    size_t kept = 0;
    for (size_t k = 0; k < SYN_SKETCH_NAMES; k++)
        used[k] = ref_uses(p->sketch, template, (int)k);
    for (size_t i = 0; i < p->count; i++) {
        if (loses_comment(p, &p->list[i], used))
            out->commented++;
        else
            p->list[kept++] = p->list[i];
    }
    p->count = kept;
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
    enum syn_status status = syn_sketch_run(&sketch, 1, doc, on_found, &s, err);
    out->left_out = s.left_out;
    bool failed = s.failed;
    if (status == SYN_OK && !failed && template && s.places.count > 0) {
        failed = !ref_prepare(&s.places);
        keep_comments(&s.places, template, out);
    }
    failed = failed || (status == SYN_OK && !make_changes(&s.places, template, out));
    ref_places_free(&s.places);
    return status == SYN_OK && failed ? no_memory(err) : status;
}

void ref_changes_free(struct ref_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->list[i].text);
    free(changes->list);
    *changes = (struct ref_changes){0};
}

/* ---- Applying ---------------------------------------------------------------------- */

/* The text with the wanted changes; the caller frees. */
static char *with_changes(const struct syn_document *doc, const struct ref_changes *changes,
                          const bool *wanted, size_t *len)
{
    struct asst_text out = {0};
    size_t had, at = 0;
    const char *text = syn_document_text(doc, &had);
    for (size_t i = 0; i < changes->count; i++) {
        const struct ref_change *c = &changes->list[i];
        if (!wanted[i]) continue;
        asst_text_put(&out, text + at, c->span.start - at);
        asst_text_put(&out, c->text, c->len);
        at = c->span.end;
    }
    asst_text_put(&out, text + at, had - at);
    return asst_text_take(&out, len);
}

struct choice {
    const struct syn_document *doc;
    const struct ref_changes *changes;
    bool *wanted;              /* [changes->count] */
    struct syn_document *made; /* with what is wanted; NULL: nothing is, so far */
};

/* Parses the text with what is wanted. *fits: no worse than the document as it was; then it is what
 * was made. */
static enum syn_status try_wanted(struct choice *c, bool *fits, struct syn_error *err)
{
    struct syn_document *made = NULL;
    size_t len;
    char *text = with_changes(c->doc, c->changes, c->wanted, &len);
    *fits = false;
    if (!text) return no_memory(err);
    enum syn_status status = syn_document_new(syn_document_language(c->doc), text, len, &made, err);
    if (status == SYN_OK) status = syn_document_parse(made, 0, err);
    free(text);
    *fits = status == SYN_OK && syn_document_cost(made) <= syn_document_cost(c->doc);
    if (*fits) {
        syn_document_free(c->made);
        c->made = made;
    } else {
        syn_document_free(made);
    }
    return status == SYN_TOO_LARGE ? SYN_OK : status;
}

/* Adds those of [from, to) that leave a text that parses to the wanted ones, in as few tries as
 * halving takes. */
static enum syn_status choose(struct choice *c, size_t from, size_t to, struct syn_error *err)
{
    bool fits;
    if (from == to) return SYN_OK;
    memset(c->wanted + from, true, to - from);
    enum syn_status status = try_wanted(c, &fits, err);
    if (status != SYN_OK || fits) return status;
    memset(c->wanted + from, false, to - from);
    size_t middle = from + (to - from) / 2;
    if (to - from == 1) return SYN_OK;
    status = choose(c, from, middle, err);
    return status == SYN_OK ? choose(c, middle, to, err) : status;
}

enum syn_status ref_apply(const struct syn_document *doc, struct ref_changes *changes,
                          struct syn_document **out, size_t *refused, struct syn_error *err)
{
    struct choice c = {doc, changes, calloc(changes->count + 1, sizeof(bool)), NULL};
    *out = NULL;
    *refused = 0;
    if (!c.wanted) return no_memory(err);
    enum syn_status status = choose(&c, 0, changes->count, err);
    size_t kept = 0;
    for (size_t i = 0; status == SYN_OK && i < changes->count; i++) {
        if (c.wanted[i])
            changes->list[kept++] = changes->list[i];
        else
            free(changes->list[i].text);
    }
    free(c.wanted);
    if (status != SYN_OK) {
        syn_document_free(c.made);
        return status;
    }
    *refused = changes->count - kept;
    changes->count = kept;
    *out = c.made;
    return SYN_OK;
}

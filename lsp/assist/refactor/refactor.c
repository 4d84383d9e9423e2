/* Changes: found, put together, tried out, until there are none.
 *
 * A pass finds the places of all forms in one walk and takes the outer ones. Their texts are put in
 * and parsed together; what fell apart gets brackets, and where the whole parses worse, halves of
 * the changes are tried. Then the next pass looks at what came of it.
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

/* ---- Forms ------------------------------------------------------------------------- */

static bool is_wanted(const struct ref_choice *choice, const struct ref_form *form)
{
    bool named = choice->n_codes == 0;
    for (size_t i = 0; i < choice->n_codes && !named; i++)
        named = strcmp(choice->codes[i], form->rule->code) == 0;
    return named && (form->safe || choice->unsafe);
}

/* Those that are wanted and may be in the text. */
struct forms {
    const struct ref_form *list[REF_RULES_MAX * REF_FORMS_MAX];
    const struct syn_sketch *sketches[REF_RULES_MAX * REF_FORMS_MAX];
    size_t count;
};

static void choose_forms(const struct ref_rules *rules, const struct ref_choice *choice,
                         const char *text, size_t len, struct forms *out)
{
    out->count = 0;
    for (size_t i = 0; i < rules->count; i++)
        for (size_t k = 0; k < rules->list[i]->n_forms; k++) {
            const struct ref_form *form = &rules->list[i]->forms[k];
            if (!is_wanted(choice, form) || !syn_sketch_may_match(form->sketch, text, len))
                continue;
            out->list[out->count] = form;
            out->sketches[out->count++] = form->sketch;
        }
}

bool ref_may_find(const struct ref_rules *rules, const struct ref_choice *choice, const char *text,
                  size_t len)
{
    for (size_t i = 0; i < rules->count; i++)
        for (size_t k = 0; k < rules->list[i]->n_forms; k++) {
            const struct ref_form *form = &rules->list[i]->forms[k];
            if (is_wanted(choice, form) && syn_sketch_may_match(form->sketch, text, len))
                return true;
        }
    return false;
}

/* ---- Finding ----------------------------------------------------------------------- */

/* One look at a text. */
struct pass {
    const struct syn_document *doc;
    bool nested; /* places in what names stand for are rewritten with the outer one */
    struct forms *forms;
    struct syn_span within;      /* where places are looked for; */
    const struct syn_span *only; /* ... NULL, or the one that is wanted */
    struct ref_places places;
    struct ref_changes changes;
    uint32_t *brackets; /* [changes.count] which of what was put in gets some (template.h) */
    size_t *place;      /* [changes.count] that each is of */
    size_t left_out, commented;
    bool failed; /* memory ran out */
};

static bool on_found(size_t which, const struct syn_found *found, void *user)
{
    struct pass *p = user;
    if (p->only && (found->span.start != p->only->start || found->span.end != p->only->end))
        return true;
    if (p->places.count == REF_CHANGES_MAX) {
        p->left_out++;
        return true;
    }
    const struct ref_place place = {*found, p->forms->list[which]};
    p->failed = !ref_places_add(&p->places, &place);
    return !p->failed;
}

/* Would a comment in it go that no name stands for? */
static bool loses_comment(const struct ref_places *p, const struct ref_place *place)
{
    const struct ref_spans *comments = &p->comments;
    const struct syn_found *found = &place->found;
    for (size_t i = ref_spans_behind(comments, found->span.start);
         i < comments->count && comments->list[i].start < found->span.end; i++) {
        struct syn_span c = comments->list[i];
        bool kept = false;
        for (int k = 0; k < SYN_SKETCH_NAMES && !kept; k++)
            kept = c.start >= found->names[k].start && c.end <= found->names[k].end &&
                   ref_uses(place->form->sketch, place->form->become, k);
        if (!kept) return true;
    }
    return false;
}

/* Takes places out that a change would lose a comment of. */
static void keep_comments(struct pass *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->places.count; i++) {
        if (p->places.list[i].form->become && loses_comment(&p->places, &p->places.list[i]))
            p->commented++;
        else
            p->places.list[kept++] = p->places.list[i];
    }
    p->places.count = kept;
}

/* The text of a change, with the brackets that it needs. */
static bool fill(struct pass *p, size_t index)
{
    struct ref_change *change = &p->changes.list[index];
    free(change->text);
    change->text =
        ref_fill(&p->places, p->place[index], p->nested, p->brackets[index], &change->len);
    return change->text != NULL;
}

/* Bytes of the longest line of [from, from + len), whose first line begins `before` bytes earlier.
 */
static size_t longest_line(const char *text, size_t len, size_t before)
{
    size_t longest = 0;
    for (const char *end = text + len; text <= end; before = 0) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t n = before + (size_t)((newline ? newline : end) - text);
        if (n > longest) longest = n;
        if (!newline) break;
        text = newline + 1;
    }
    return longest;
}

/* Does a line get longer than people write them? */
static bool is_too_long(const struct pass *p, const struct ref_change *change)
{
    size_t len, line, column;
    const char *text = syn_document_text(p->doc, &len);
    syn_position_of(p->doc, change->span.start, SYN_UTF8, &line, &column);
    size_t now = longest_line(change->text, change->len, column);
    return now > REF_LINE_MAX && now > longest_line(text + change->span.start,
                                                    change->span.end - change->span.start, column);
}

/* Changes of the places that lie in no other one. False when memory ran out. */
static bool make_changes(struct pass *p)
{
    size_t len, n = p->places.count;
    const char *text = syn_document_text(p->doc, &len);
    uint32_t end = 0; /* of the last one */
    p->changes.list = calloc(n + 1, sizeof *p->changes.list);
    p->brackets = calloc(n + 1, sizeof *p->brackets);
    p->place = calloc(n + 1, sizeof *p->place);
    if (!p->changes.list || !p->brackets || !p->place) return false;
    for (size_t i = 0; i < n; i++) {
        const struct ref_place *place = &p->places.list[i];
        struct syn_span span = place->found.span;
        const char *become = place->form->become;
        if (become && !*become) span = asst_whole_lines(text, len, span);
        if (become && span.start < end) continue;
        size_t at = p->changes.count++;
        p->changes.list[at] = (struct ref_change){.form = place->form, .span = span};
        p->place[at] = i;
        if (become && !fill(p, at)) return false;
        if (become && !p->nested && is_too_long(p, &p->changes.list[at])) {
            free(p->changes.list[at].text);
            p->changes.count--;
            continue;
        }
        end = span.end;
    }
    return true;
}

static enum syn_status find(struct pass *p, struct syn_error *err)
{
    enum syn_status status =
        syn_sketch_run(p->forms->sketches, p->forms->count, p->doc, p->within, on_found, p, err);
    if (status != SYN_OK) return status;
    if (!p->failed && p->places.count > 0) {
        p->failed = !ref_prepare(&p->places, p->doc);
        keep_comments(p);
    }
    return p->failed || !make_changes(p) ? no_memory(err) : SYN_OK;
}

static void end_pass(struct pass *p)
{
    for (size_t i = 0; i < p->changes.count; i++)
        free(p->changes.list[i].text);
    free(p->changes.list);
    free(p->brackets);
    free(p->place);
    ref_places_free(&p->places);
}

/* ---- Trying ------------------------------------------------------------------------ */

/* The text with the wanted changes; the caller frees. */
static char *with_changes(const struct pass *p, const bool *wanted, size_t *len)
{
    struct asst_text out = {0};
    size_t had, at = 0;
    const char *text = syn_document_text(p->doc, &had);
    for (size_t i = 0; i < p->changes.count; i++) {
        const struct ref_change *c = &p->changes.list[i];
        if (!wanted[i]) continue;
        asst_text_put(&out, text + at, c->span.start - at);
        asst_text_put(&out, c->text, c->len);
        at = c->span.end;
    }
    asst_text_put(&out, text + at, had - at);
    return asst_text_take(&out, len);
}

/* Parses the text with the wanted changes; *out NULL when it is too large. */
static enum syn_status parse_with(const struct pass *p, const bool *wanted,
                                  struct syn_document **out, struct syn_error *err)
{
    size_t len;
    char *text = with_changes(p, wanted, &len);
    *out = NULL;
    if (!text) return no_memory(err);
    enum syn_status status = syn_document_new(syn_document_language(p->doc), text, len, out, err);
    free(text);
    if (status == SYN_OK) status = syn_document_parse(*out, 0, err);
    if (status == SYN_OK) return status;
    syn_document_free(*out);
    *out = NULL;
    return status == SYN_TOO_LARGE ? SYN_OK : status;
}

/* Asks of each part of each wanted change, where it lies in what was made. True from `which` sets
 * the part's bit in *bits. */
static bool mark(struct pass *p, const bool *wanted, const struct syn_document *made, bool strip)
{
    size_t at = 0, had = 0; /* of what was made, of the text */
    bool any = false;
    for (size_t i = 0; i < p->changes.count; i++) {
        const struct ref_change *c = &p->changes.list[i];
        if (!wanted[i]) continue;
        at += c->span.start - had;
        had = c->span.end;
        struct ref_parts parts;
        ref_parts_of(&p->places, p->place[i], p->nested, p->brackets[i], &parts);
        for (size_t k = 0; k < parts.count; k++) {
            const uint32_t bit = UINT32_C(1) << parts.list[k].bit;
            struct syn_span span = {(uint32_t)(at + parts.list[k].span.start),
                                    (uint32_t)(at + parts.list[k].span.end)};
            bool has = (p->brackets[i] & bit) != 0;
            bool change =
                strip ? has && syn_needs_no_brackets(made, span) : !has && !syn_stands(made, span);
            if (change) p->brackets[i] ^= bit;
            any |= change;
        }
        at += c->len;
    }
    return any;
}

static bool fill_all(struct pass *p)
{
    for (size_t i = 0; i < p->changes.count; i++)
        if (!fill(p, i)) return false;
    return true;
}

struct choice {
    struct pass *pass;
    bool *wanted;              /* [changes.count] */
    struct syn_document *made; /* with what is wanted; NULL: nothing is, so far */
};

/* Parses the text with what is wanted: gives brackets to what falls apart without, and takes those
 * away again that say nothing. *fits: it parses no worse than the document as it was; then it is
 * what was made. */
static enum syn_status try_wanted(struct choice *c, bool *fits, struct syn_error *err)
{
    struct syn_document *made = NULL;
    enum syn_status status = SYN_OK;
    *fits = false;
    for (int strip = 0; status == SYN_OK; strip++) {
        status = parse_with(c->pass, c->wanted, &made, err);
        if (!made || strip == 2 || !mark(c->pass, c->wanted, made, strip == 1)) break;
        syn_document_free(made);
        made = NULL;
        if (!fill_all(c->pass)) status = no_memory(err);
    }
    *fits = made && syn_document_cost(made) <= syn_document_cost(c->pass->doc);
    syn_document_free(*fits ? c->made : made);
    if (*fits) c->made = made;
    return status;
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
    /* What got brackets in a text that did not parse may not need them. */
    memset(c->pass->brackets + from, 0, (to - from) * sizeof *c->pass->brackets);
    if (!fill_all(c->pass)) return no_memory(err);
    size_t middle = from + (to - from) / 2;
    if (to - from == 1) return SYN_OK;
    status = choose(c, from, middle, err);
    return status == SYN_OK ? choose(c, middle, to, err) : status;
}

/* Makes the changes that leave a text that parses; the others leave the list. *made NULL: none. */
static enum syn_status apply(struct pass *p, struct syn_document **made, size_t *refused,
                             struct syn_error *err)
{
    struct choice c = {p, calloc(p->changes.count + 1, sizeof(bool)), NULL};
    *made = NULL;
    if (!c.wanted) return no_memory(err);
    enum syn_status status = choose(&c, 0, p->changes.count, err);
    size_t kept = 0;
    for (size_t i = 0; i < p->changes.count; i++) {
        if (c.wanted[i])
            p->changes.list[kept++] = p->changes.list[i];
        else
            free(p->changes.list[i].text);
    }
    *refused = p->changes.count - kept;
    p->changes.count = kept;
    free(c.wanted);
    if (status == SYN_OK)
        *made = c.made;
    else
        syn_document_free(c.made);
    return status;
}

/* ---- The whole --------------------------------------------------------------------- */

struct run {
    const struct ref_rules *rules;
    const struct ref_choice *choice;
    struct forms *forms;
    const struct syn_span *only; /* NULL: all places */
    struct ref_result *out;
};

static const struct syn_span everywhere = {0, UINT32_MAX};

static void count(struct run *r, const struct ref_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        r->out->counts[changes->list[i].form->number]++;
    r->out->total += changes->count;
}

/* Looks at a text once, and makes *made of it; NULL: there is nothing to change. */
static enum syn_status look(struct run *r, const struct syn_document *doc, bool first,
                            struct syn_document **made, struct syn_error *err)
{
    struct pass p = {.doc = doc,
                     .nested = r->choice->once,
                     .forms = r->forms,
                     .within = r->only ? *r->only : everywhere,
                     .only = r->only};
    size_t len, refused = 0;
    const char *text = syn_document_text(doc, &len);
    *made = NULL;
    choose_forms(r->rules, r->choice, text, len, r->forms);
    enum syn_status status = find(&p, err);
    bool rewrites = p.changes.count > 0 && p.changes.list[0].text;
    if (status == SYN_OK && rewrites) status = apply(&p, made, &refused, err);
    if (status == SYN_OK) {
        count(r, &p.changes);
        r->out->refused = refused; /* of the last look: what is left to find */
        r->out->commented = p.commented;
        r->out->left_out = p.left_out;
    }
    if (status == SYN_OK && first) {
        r->out->first = p.changes;
        p.changes = (struct ref_changes){0};
    } else if (*made && p.changes.count > 0) {
        r->out->endless = p.changes.list[0].form->rule;
    }
    end_pass(&p);
    return status;
}

/* With once: is there something to change in what was made? */
static enum syn_status look_again(struct run *r, struct syn_error *err)
{
    struct pass p = {.doc = r->out->made, .nested = true, .forms = r->forms, .within = everywhere};
    enum syn_status status = find(&p, err);
    r->out->again = p.changes.count > r->out->refused;
    end_pass(&p);
    return status;
}

static enum syn_status run_passes(struct run *r, const struct syn_document *doc,
                                  struct syn_error *err)
{
    struct ref_result *out = r->out;
    enum syn_status status = look(r, doc, true, &out->made, err);
    if (status != SYN_OK || !out->made) return status;
    if (r->choice->once) return look_again(r, err);
    for (int pass = 1; pass < REF_PASSES_MAX; pass++) {
        struct syn_document *made;
        status = look(r, out->made, false, &made, err);
        if (status != SYN_OK || !made) {
            out->endless = NULL;
            return status;
        }
        syn_document_free(out->made);
        out->made = made;
    }
    syn_document_free(out->made);
    out->made = NULL;
    out->total = 0;
    memset(out->counts, 0, r->rules->count * sizeof *out->counts);
    return SYN_OK;
}

enum syn_status ref_run(const struct ref_rules *rules, const struct ref_choice *choice,
                        const struct syn_document *doc, struct ref_result *out,
                        struct syn_error *err)
{
    *out = (struct ref_result){.counts = calloc(rules->count + 1, sizeof *out->counts)};
    struct run r = {rules, choice, malloc(sizeof *r.forms), NULL, out};
    enum syn_status status = out->counts && r.forms ? run_passes(&r, doc, err) : no_memory(err);
    free(r.forms);
    return status;
}

enum syn_status ref_make(const struct ref_rules *rules, const struct ref_choice *choice,
                         const struct syn_document *doc, const struct syn_span *at,
                         struct ref_result *out, struct syn_error *err)
{
    *out = (struct ref_result){.counts = calloc(rules->count + 1, sizeof *out->counts)};
    struct run r = {rules, choice, malloc(sizeof *r.forms), at, out};
    enum syn_status status =
        out->counts && r.forms ? look(&r, doc, true, &out->made, err) : no_memory(err);
    free(r.forms);
    return status;
}

struct offer {
    const struct forms *forms;
    const struct syn_document *doc;
    size_t first, last; /* lines */
    size_t start, end;
    ref_on_place visit;
    void *user;
};

static bool on_offered(size_t which, const struct syn_found *found, void *user)
{
    const struct offer *o = user;
    size_t line, column;
    syn_position_of(o->doc, found->span.start, SYN_UTF8, &line, &column);
    bool inside = found->span.start >= o->start && found->span.end <= o->end;
    if (!inside && (line < o->first || line > o->last)) return true;
    return o->visit(o->forms->list[which], found->span, o->user);
}

enum syn_status ref_offer(const struct ref_rules *rules, const struct ref_choice *choice,
                          const struct syn_document *doc, size_t start, size_t end,
                          ref_on_place visit, void *user, struct syn_error *err)
{
    size_t len, column;
    const char *text = syn_document_text(doc, &len);
    struct forms *forms = malloc(sizeof *forms);
    struct offer offer = {
        .forms = forms, .doc = doc, .start = start, .end = end, .visit = visit, .user = user};
    if (!forms) return no_memory(err);
    choose_forms(rules, choice, text, len, forms);
    syn_position_of(doc, start, SYN_UTF8, &offer.first, &column);
    syn_position_of(doc, end, SYN_UTF8, &offer.last, &column);
    const struct syn_span within = {(uint32_t)syn_line_start(doc, offer.first),
                                    (uint32_t)syn_line_end(doc, offer.last)};
    enum syn_status status =
        syn_sketch_run(forms->sketches, forms->count, doc, within, on_offered, &offer, err);
    free(forms);
    return status;
}

void ref_result_free(struct ref_result *result)
{
    for (size_t i = 0; i < result->first.count; i++)
        free(result->first.list[i].text);
    free(result->first.list);
    free(result->counts);
    syn_document_free(result->made);
    *result = (struct ref_result){0};
}

/* ---- Tests of rules ---------------------------------------------------------------- */

static char *failed(const char *why)
{
    return strdup(why);
}

/* What the rule makes of the document; NULL when that is what was expected. */
static char *try_document(const struct ref_rules *rules, const struct ref_rule *rule,
                          const struct syn_document *doc, const struct ref_case *one)
{
    const char *codes[] = {rule->code};
    const struct ref_choice choice = {.codes = codes, .n_codes = 1, .unsafe = true};
    struct ref_result result;
    struct syn_error err = {"out of memory"};
    char *out = NULL;
    size_t len;
    if (ref_run(rules, &choice, doc, &result, &err) != SYN_OK) {
        out = failed(err.text);
    } else {
        const char *made = syn_document_text(result.made ? result.made : doc, &len);
        const char *wanted = one->after ? one->after : one->before;
        bool same = len == strlen(wanted) + 1 && memcmp(made, wanted, len - 1) == 0;
        if (result.endless)
            out = failed("it does not come to an end");
        else if (!same || (one->after && !result.made))
            out = strndup(made, len);
    }
    ref_result_free(&result);
    return out;
}

char *ref_try_case(const struct ref_rules *rules, const struct ref_rule *rule,
                   const struct ref_case *one)
{
    struct syn_document *doc = NULL;
    struct syn_error err = {"out of memory"};
    struct asst_text text = {0};
    size_t len;
    asst_text_put(&text, one->before, strlen(one->before));
    asst_text_put(&text, "\n", 1);
    char *bytes = asst_text_take(&text, &len), *out;
    if (!bytes || syn_document_new(rules->lang, bytes, len, &doc, &err) != SYN_OK ||
        syn_document_parse(doc, 0, &err) != SYN_OK)
        out = failed(err.text);
    else if (syn_document_cost(doc) > 0)
        out = failed("the test's text does not parse");
    else
        out = try_document(rules, rule, doc, one);
    syn_document_free(doc);
    free(bytes);
    return out;
}

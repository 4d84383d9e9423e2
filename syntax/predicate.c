/* Predicates of patterns: their words, read from a query, and what they ask of a match.
 *
 * One table says which there are and what arguments each takes; reading checks against it, so that
 * a rule with a slip is refused when it is loaded and not when it should have found something.
 */
#include "syntax/predicate.h"

#include "syntax/facts.h"
#include "syntax/formats.h"

#include <stdlib.h>
#include <string.h>

enum {
    REGEX_BYTES = 1024,  /* longer texts match nothing */
    REGEX_REPEATS = 1000 /* product of all counts in braces: each copies what it repeats */
};

enum many { NONE, EACH, ANY, LAST };

struct syn_predicate_form {
    const char *name;
    const char
        *arguments; /* 'c' a capture, 'w' a word, 'a' either; then '*' more words, '?' maybe one,
                      '&' maybe one more capture */
    bool (*holds)(const struct syn_predicate *, struct syn_matched *);
    enum many many; /* what it asks of a first argument that stands for many */
};

/* ---- What they ask ----------------------------------------------------------------- */

static TSNode node_of(const struct syn_predicate *p, struct syn_matched *m, uint32_t i)
{
    return m->node[p->arguments[i].capture];
}

/* Whether any of the words from the second argument on satisfies the test. */
static bool any_word(const struct syn_predicate *p, TSNode node, struct syn_matched *m,
                     bool (*test)(struct syn_matched *, TSNode, const struct syn_argument *))
{
    for (uint32_t i = 1; i < p->count; i++)
        if (test(m, node, &p->arguments[i])) return true;
    return false;
}

static bool has_text(struct syn_matched *m, TSNode node, const struct syn_argument *word)
{
    return syn_text_is(m->doc, node, word->word, word->len);
}

static bool has_type(struct syn_matched *m, TSNode node, const struct syn_argument *word)
{
    (void)m;
    return strcmp(ts_node_type(node), word->word) == 0;
}

static bool has_kind(struct syn_matched *m, TSNode node, const struct syn_argument *word)
{
    node = syn_unwrapped(m->doc, node);
    return strcmp(gram_kind_name(syn_kind_of(m->doc->tables, node)), word->word) == 0;
}

/* The same, where all of a function is one. */
static bool is_a(struct syn_matched *m, TSNode node, const struct syn_argument *word)
{
    return strcmp(word->word, "function") == 0 ? syn_is_routine(m->doc, node)
                                               : has_kind(m, node, word);
}

static bool eq(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode node = node_of(p, m, 0);
    return p->arguments[1].capture >= 0 ? syn_same_text(m->doc, node, node_of(p, m, 1))
                                        : has_text(m, node, &p->arguments[1]);
}

static bool any_of(const struct syn_predicate *p, struct syn_matched *m)
{
    return any_word(p, node_of(p, m, 0), m, has_text);
}

static bool match(const struct syn_predicate *p, struct syn_matched *m)
{
    char text[REGEX_BYTES];
    TSNode node = node_of(p, m, 0);
    uint32_t start = ts_node_start_byte(node), len = ts_node_end_byte(node) - start;
    if (len >= sizeof text) return false;
    memcpy(text, m->doc->text + start, len);
    text[len] = 0;
    return regexec(&p->expression, text, 0, NULL, 0) == 0;
}

static bool same(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_same_tokens(m->doc, node_of(p, m, 0), node_of(p, m, 1));
}

static bool kind(const struct syn_predicate *p, struct syn_matched *m)
{
    return any_word(p, node_of(p, m, 0), m, has_kind);
}

static bool within(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode at = ts_node_parent(node_of(p, m, 0));
    for (; !ts_node_is_null(at); at = ts_node_parent(at)) {
        if (any_word(p, at, m, has_type)) return true;
        if (syn_kind_of(m->doc->tables, at) == GRAM_KIND_FUNCTION) return false;
    }
    return false;
}

struct search {
    const struct syn_predicate *predicate;
    struct syn_matched *match;
    bool (*test)(struct syn_matched *, TSNode, const struct syn_argument *);
};

static bool is_not_it(TSNode node, void *user)
{
    const struct search *s = user;
    return !any_word(s->predicate, node, s->match, s->test);
}

static bool has(const struct syn_predicate *p, struct syn_matched *m)
{
    struct search search = {p, m, has_type};
    return !syn_each_node(node_of(p, m, 0), is_not_it, &search);
}

static bool is_token(struct syn_matched *m, TSNode node, const struct syn_argument *word)
{
    return ts_node_child_count(node) == 0 && has_text(m, node, word);
}

static bool contains(const struct syn_predicate *p, struct syn_matched *m)
{
    struct search search = {p, m, is_token};
    return !syn_each_node(node_of(p, m, 0), is_not_it, &search);
}

static bool pure(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_pure(m->doc, node_of(p, m, 0));
}

static bool empty(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_empty(m->doc, node_of(p, m, 0));
}

static bool alone(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_alone(m->doc, node_of(p, m, 0));
}

static bool commented(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_commented(m->doc, node_of(p, m, 0));
}

static bool line(const struct syn_predicate *p, struct syn_matched *m)
{
    return ts_node_start_point(node_of(p, m, 0)).row == ts_node_start_point(node_of(p, m, 1)).row;
}

static bool ends(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_ends(m->doc, node_of(p, m, 0), false);
}

static bool may_end(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_ends(m->doc, node_of(p, m, 0), true);
}

static bool unread(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_unread(m->doc, node_of(p, m, 0), node_of(p, m, 1));
}

static bool stays(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_stays(m->doc, node_of(p, m, 0), node_of(p, m, 1), p->arguments + 2, p->count - 2);
}

struct members {
    const struct syn_predicate *predicate;
    struct syn_matched *match;
    TSNode name;
};

/* Is it no "name.member" with one of the words? */
static bool is_other_member(TSNode node, void *user)
{
    const struct members *m = user;
    const struct syn_predicate *p = m->predicate;
    uint32_t n = ts_node_named_child_count(node);
    if (n < 2 || syn_kind_of(m->match->doc->tables, node) != GRAM_KIND_MEMBER ||
        !syn_same_text(m->match->doc, ts_node_named_child(node, 0), m->name))
        return true;
    for (uint32_t i = 2; i < p->count; i++)
        if (has_text(m->match, ts_node_named_child(node, n - 1), &p->arguments[i])) return false;
    return true;
}

static bool member(const struct syn_predicate *p, struct syn_matched *m)
{
    struct members members = {p, m, node_of(p, m, 0)};
    return !syn_each_node(node_of(p, m, 1), is_other_member, &members);
}

static bool repeated(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode earlier;
    if (!syn_find_earlier(m->doc, node_of(p, m, 0), node_of(p, m, 1), &earlier)) return false;
    if (p->count > 2) m->node[p->arguments[2].capture] = earlier;
    return true;
}

static bool rebinds_outer(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_rebinds_outer(m->doc, node_of(p, m, 0), p->arguments[1].word, p->arguments[1].len);
}

static bool style_of(const struct syn_argument *word, enum syn_format_style *out)
{
    static const char *const names[] = {"printf", "percent", "braces"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], word->word) == 0) {
            *out = (enum syn_format_style)i;
            return true;
        }
    return false;
}

/* Values of a list behind its first `skip`; false when one of them may stand for several. */
static bool count_values(struct syn_matched *m, TSNode list, size_t skip, size_t *count)
{
    uint32_t n = ts_node_named_child_count(list);
    *count = 0;
    for (uint32_t i = 0; i < n; i++) {
        TSNode child = ts_node_named_child(list, i);
        const char *type = ts_node_type(child);
        if (ts_node_is_extra(child) || syn_kind_of(m->doc->tables, child) == GRAM_KIND_COMMENT)
            continue;
        if (strstr(type, "splat") || strstr(type, "spread") || strstr(type, "variadic") ||
            strstr(type, "keyword"))
            return false;
        if (skip > 0)
            skip--;
        else
            (*count)++;
    }
    return true;
}

/* May an argument be a macro that stands for several? */
static bool may_expand(struct syn_matched *m, TSNode list)
{
    uint32_t n = ts_node_named_child_count(list);
    for (uint32_t i = 0; i < n; i++) {
        TSNode child = ts_node_named_child(list, i);
        if (syn_kind_of(m->doc->tables, child) != GRAM_KIND_CALL) continue;
        TSNode callee = ts_node_named_child(child, 0);
        uint32_t at = ts_node_start_byte(callee), end = ts_node_end_byte(callee);
        bool lower = false;
        for (uint32_t k = at; k < end; k++)
            lower |= m->doc->text[k] >= 'a' && m->doc->text[k] <= 'z';
        if (!lower || (end - at > 6 && memcmp(m->doc->text + end - 6, "printf", 6) == 0))
            return true;
    }
    return false;
}

/* Where it cannot be told the string is taken to ask for what it is given. */
static bool formats(const struct syn_predicate *p, struct syn_matched *m)
{
    enum syn_format_style style;
    TSNode string = node_of(p, m, 0);
    uint32_t start = ts_node_start_byte(string), end = ts_node_end_byte(string);
    size_t skip = p->count > 3 ? (size_t)atoi(p->arguments[3].word) : 0, asked, given;
    if (!style_of(&p->arguments[2], &style) ||
        !syn_format_count(style, m->doc->text + start, end - start, &asked) ||
        !count_values(m, node_of(p, m, 1), skip, &given))
        return true;
    return asked == given ||
           (style == SYN_FORMAT_PRINTF && asked > given && may_expand(m, node_of(p, m, 1)));
}

static bool boolean(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_boolean(m->doc, node_of(p, m, 0), p->arguments + 1, p->count - 1);
}

static bool tested(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_tested(m->doc, node_of(p, m, 0));
}

static bool last(const struct syn_predicate *p, struct syn_matched *m)
{
    return any_word(p, syn_ended_by(m->doc, node_of(p, m, 0)), m, is_a);
}

static bool is_declaration(const struct syn_document *doc, TSNode node)
{
    uint8_t kind = syn_kind_of(doc->tables, node);
    return kind == GRAM_KIND_DECLARATION || kind == GRAM_KIND_FUNCTION || kind == GRAM_KIND_CLASS ||
           strstr(ts_node_type(node), "declaration") != NULL;
}

static bool declares(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode node = node_of(p, m, 0);
    bool block = syn_kind_of(m->doc->tables, node) == GRAM_KIND_BLOCK;
    uint32_t n = block ? ts_node_named_child_count(node) : 0;
    for (uint32_t i = 0; i < n; i++)
        if (is_declaration(m->doc, ts_node_named_child(node, i))) return true;
    return is_declaration(m->doc, node);
}

static bool mentions(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_mentions(m->doc, node_of(p, m, 0), node_of(p, m, 1));
}

static bool read_behind(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_read_behind(m->doc, node_of(p, m, 0), node_of(p, m, 1));
}

static bool assigned(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_assigned(m->doc, node_of(p, m, 0), node_of(p, m, 1));
}

static bool statement(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode node = node_of(p, m, 0), parent = ts_node_parent(node);
    if (!ts_node_is_null(parent) && syn_is_wrapper(m->doc, parent, node))
        parent = ts_node_parent(parent);
    uint8_t kind = ts_node_is_null(parent) ? GRAM_KIND_OTHER : syn_kind_of(m->doc->tables, parent);
    return kind == GRAM_KIND_BLOCK || kind == GRAM_KIND_FILE || kind == GRAM_KIND_SWITCH;
}

static bool only(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_only_child(m->doc, node_of(p, m, 0));
}

static bool one_line(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode node = node_of(p, m, 0);
    return ts_node_start_point(node).row == ts_node_end_point(node).row;
}

/* Asked of a node that is there. */
static bool some(const struct syn_predicate *p, struct syn_matched *m)
{
    (void)p;
    (void)m;
    return true;
}

static bool begins(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode node = node_of(p, m, 0);
    while (ts_node_child_count(node) > 0)
        node = ts_node_child(node, 0);
    return any_word(p, node, m, has_text);
}

static bool unmentioned(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_unmentioned(m->doc, node_of(p, m, 0), node_of(p, m, 1));
}

static bool once(const struct syn_predicate *p, struct syn_matched *m)
{
    return syn_is_used_once(m->doc, node_of(p, m, 0), node_of(p, m, 1));
}

static bool left_open(const struct syn_predicate *p, struct syn_matched *m)
{
    TSNode out;
    if (!syn_is_left_open(m->doc, node_of(p, m, 0), p->arguments + 2, p->count - 2, &out))
        return false;
    m->node[p->arguments[1].capture] = out;
    return true;
}

static const struct syn_predicate_form forms[] = {{"eq", "ca", eq, NONE},
                                                  {"any-of", "cw*", any_of, NONE},
                                                  {"match", "cw", match, NONE},
                                                  {"same", "cc", same, NONE},
                                                  {"kind", "cw*", kind, EACH},
                                                  {"within", "cw*", within, NONE},
                                                  {"has", "cw*", has, ANY},
                                                  {"contains", "cw*", contains, ANY},
                                                  {"pure", "c", pure, EACH},
                                                  {"empty", "c", empty, EACH},
                                                  {"alone", "c", alone, NONE},
                                                  {"commented", "c", commented, ANY},
                                                  {"line", "cc", line, NONE},
                                                  {"ends", "c", ends, LAST},
                                                  {"may-end", "c", may_end, LAST},
                                                  {"unread", "cc", unread, NONE},
                                                  {"stays", "cc*", stays, NONE},
                                                  {"member", "ccw*", member, NONE},
                                                  {"repeated", "cc&", repeated, NONE},
                                                  {"rebinds-outer", "cw", rebinds_outer, NONE},
                                                  {"formats", "ccw?", formats, NONE},
                                                  {"boolean", "c*", boolean, EACH},
                                                  {"tested", "c", tested, NONE},
                                                  {"last", "cw*", last, LAST},
                                                  {"declares", "c", declares, ANY},
                                                  {"mentions", "cc", mentions, ANY},
                                                  {"read-behind", "cc", read_behind, NONE},
                                                  {"assigned", "cc", assigned, NONE},
                                                  {"once", "cc", once, NONE},
                                                  {"statement", "c", statement, NONE},
                                                  {"only", "c", only, NONE},
                                                  {"some", "c", some, ANY},
                                                  {"one-line", "c", one_line, EACH},
                                                  {"begins", "cw*", begins, LAST},
                                                  {"unmentioned", "cc", unmentioned, NONE},
                                                  {"left-open", "ccw*", left_open, NONE}};

/* ---- Reading ----------------------------------------------------------------------- */

static const struct syn_predicate_form *form_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strlen(forms[i].name) == len && memcmp(forms[i].name, name, len) == 0) return &forms[i];
    return NULL;
}

/* Does argument i fit the form? The last letter may stand for more of them, or for one more. */
static bool fits(const char *form, uint32_t i, const struct syn_argument *argument)
{
    size_t letters = strcspn(form, "*?&");
    char more = form[letters];
    char letter = i < letters ? form[i] : more == '&' ? 'c' : more ? 'w' : 0;
    if (i > letters && more != '*') return false;
    return letter == 'a' || (letter == 'c' && argument->capture >= 0) ||
           (letter == 'w' && argument->capture < 0);
}

static bool check_arguments(const struct syn_predicate *p, struct syn_error *err)
{
    size_t letters = strcspn(p->form->arguments, "*?&");
    bool ok = p->count >= letters;
    for (uint32_t i = 0; ok && i < p->count; i++)
        ok = fits(p->form->arguments, i, &p->arguments[i]);
    enum syn_format_style style;
    if (ok && p->form->holds == formats) ok = style_of(&p->arguments[2], &style);
    if (!ok)
        syn_fail(err, SYN_BAD_GRAMMAR, "#%s? does not take these %u arguments", p->form->name,
                 p->count);
    return ok;
}

/* Compiles #match?'s expression; false after a message. */
static bool compile_expression(struct syn_predicate *p, struct syn_error *err)
{
    const char *text = p->arguments[1].word;
    unsigned long repeats = 1;
    for (const char *at = text; (at = strchr(at, '{')) != NULL;)
        for (at++; *at && *at != '}'; at++) {
            unsigned long n = strtoul(at, NULL, 10);
            while (at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9')
                at++;
            if (n > 1 && repeats <= REGEX_REPEATS) repeats = n > REGEX_REPEATS ? n : repeats * n;
        }
    p->has_expression = repeats <= REGEX_REPEATS && strlen(text) < REGEX_BYTES &&
                        regcomp(&p->expression, text, REG_EXTENDED | REG_NOSUB) == 0;
    if (!p->has_expression)
        syn_fail(err, SYN_BAD_GRAMMAR,
                 "'%.80s' is no regular expression, or repeats more than %d times", text,
                 REGEX_REPEATS);
    return p->has_expression;
}

bool syn_predicate_read(const TSQuery *query, const TSQueryPredicateStep *steps, uint32_t n,
                        struct syn_predicate *out, struct syn_error *err)
{
    memset(out, 0, sizeof *out);
    uint32_t len = 0;
    const char *name = n > 0 && steps[0].type == TSQueryPredicateStepTypeString
                           ? ts_query_string_value_for_id(query, steps[0].value_id, &len)
                           : "";
    const char *word = name;
    if (len > 4 && memcmp(word, "not-", 4) == 0) {
        out->negated = true;
        word += 4;
        len -= 4;
    }
    bool asks = len > 0 && word[len - 1] == '?';
    out->form = asks ? form_by_name(word, len - 1) : NULL;
    if (!out->form || n - 1 > SYN_PREDICATE_WORDS) {
        syn_fail(err, SYN_BAD_GRAMMAR, "#%s is no predicate, or has too many arguments", name);
        return false;
    }
    for (uint32_t i = 1; i < n; i++) {
        struct syn_argument *a = &out->arguments[out->count++];
        bool capture = steps[i].type == TSQueryPredicateStepTypeCapture;
        a->capture = capture ? (int)steps[i].value_id : -1;
        if (!capture) a->word = ts_query_string_value_for_id(query, steps[i].value_id, &a->len);
    }
    if (!check_arguments(out, err)) return false;
    return out->form->holds != match || compile_expression(out, err);
}

void syn_predicate_end(struct syn_predicate *p)
{
    if (p->has_expression) regfree(&p->expression);
    p->has_expression = false;
}

bool syn_predicate_takes_many(const struct syn_predicate *p, uint32_t i)
{
    return i == 0 && p->form->many != NONE;
}

/* Of each of many nodes, of any, or of the last one. */
static bool holds_of_many(const struct syn_predicate *p, struct syn_matched *matched)
{
    int capture = p->arguments[0].capture;
    TSNode first = matched->node[capture], last = matched->last[capture];
    bool held = p->form->many == EACH;
    if (ts_node_is_null(first)) return held;
    if (p->form->many == LAST) first = last;
    for (TSNode at = first; !ts_node_is_null(at); at = ts_node_next_sibling(at)) {
        matched->node[capture] = at;
        bool holds = !ts_node_is_named(at) ? held : p->form->holds(p, matched);
        held = p->form->many == EACH ? held && holds : holds;
        if (ts_node_eq(at, last) || (p->form->many == ANY ? held : !held)) break;
    }
    matched->node[capture] = first;
    return held;
}

bool syn_predicate_holds(const struct syn_predicate *p, struct syn_matched *matched)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->arguments[i].capture >= 0 && !matched->has[p->arguments[i].capture]) return true;
    bool many = p->arguments[0].capture >= 0 && matched->many[p->arguments[0].capture];
    return (many ? holds_of_many(p, matched) : p->form->holds(p, matched)) != p->negated;
}

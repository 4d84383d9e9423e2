/* tokenizer_split.c: cutting text into pre-tokens, inside which BPE merges.
 *
 * Three styles, each a function from a position to the end of the pre-token there. They
 * look at bytes, not at characters: what is not ASCII counts as a letter. For "espalier"
 * that is the definition, which engine/training/tokenizer.py repeats as a regular
 * expression and the tests hold against this file. For the styles of other vocabularies
 * it is an approximation: their rules ask for Unicode's letters, digits and white space;
 * text in ASCII is cut exactly, other punctuation and spaces join the word beside them,
 * which costs a few tokens more, never a wrong byte.
 *
 * No table is built and nothing is allocated. */
#include "engine/tokenizer_parts.h"

#include <string.h>

/* ---- Byte classes ------------------------------------------------------------------ */

static bool is_newline(unsigned char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static bool is_control(unsigned char c)
{
    return (c < 0x20 && !is_newline(c) && !is_blank(c)) || c == 0x7f;
}

/* ---- "espalier" -------------------------------------------------------------------- */

enum unit { UNIT_NEWLINE, UNIT_BLANKS, UNIT_WORD, UNIT_NUMBER, UNIT_SINGLE, UNIT_OPERATOR };

static bool is_word_start(unsigned char c)
{
    return is_letter(c) || c == '_';
}

static bool is_single(unsigned char c)
{
    return c && strchr("()[]{};,\"'`", c) != NULL;
}

static bool is_operator(unsigned char c)
{
    return c > ' ' && c < 0x7f && !is_word_start(c) && !is_digit(c) && !is_single(c);
}

/* End and kind of the unit at text[at], which is no blank. */
static size_t unit_end(const char *text, size_t len, size_t at, uint32_t digits, enum unit *unit)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t end = at + 1;
    if (is_newline(s[at])) {
        *unit = UNIT_NEWLINE;
        if (s[at] == '\r' && end < len && s[end] == '\n') end++;
    } else if (is_word_start(s[at])) {
        *unit = UNIT_WORD;
        while (end < len && (is_word_start(s[end]) || is_digit(s[end])))
            end++;
    } else if (is_digit(s[at])) {
        *unit = UNIT_NUMBER;
        while (end < len && is_digit(s[end]) && end - at < digits)
            end++;
    } else if (is_operator(s[at])) {
        *unit = UNIT_OPERATOR;
        while (end < len && is_operator(s[end]))
            end++;
    } else {
        *unit = UNIT_SINGLE;
    }
    return end;
}

/* A run of blanks lends its last space to what follows, unless that is a newline or a
 * control byte. */
static size_t espalier_next(const struct eng_split_rule *rule, const char *text, size_t len,
                            size_t at, enum unit *unit)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t body = at;
    while (body < len && is_blank(s[body]))
        body++;
    if (body > at) {
        bool lends =
            s[body - 1] == ' ' && body < len && !is_newline(s[body]) && !is_control(s[body]);
        *unit = UNIT_BLANKS;
        if (!lends) return body;
        if (body - at > 1) return body - 1;
    }
    return unit_end(text, len, body, rule->digits, unit);
}

/* ---- Styles of other vocabularies -------------------------------------------------- */

static bool is_space(unsigned char c)
{
    return is_blank(c) || is_newline(c);
}

static bool is_symbol(unsigned char c)
{
    return !is_space(c) && !is_letter(c) && !is_digit(c);
}

/* Length of an English contraction's tail at s ('s 't 're 've 'm 'll 'd), 0 if none. */
static size_t contraction(const char *s, size_t len, bool any_case)
{
    static const char tails[][3] = {"s", "t", "re", "ve", "m", "ll", "d"};
    if (len < 2 || s[0] != '\'') return 0;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        size_t n = strlen(tails[i]), same = 0;
        while (same < n && same + 1 < len) {
            char c = s[same + 1];
            if (any_case && c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
            if (c != tails[i][same]) break;
            same++;
        }
        if (same == n) return n + 1;
    }
    return 0;
}

static size_t run(const char *text, size_t len, size_t at, bool (*is)(unsigned char))
{
    while (at < len && is((unsigned char)text[at]))
        at++;
    return at;
}

static size_t number_end(const struct eng_split_rule *rule, const char *text, size_t len, size_t at)
{
    size_t most = rule->digits && len - at > rule->digits ? at + rule->digits : len;
    return run(text, most, at, is_digit);
}

/* White space: the last one of a run is left to what follows, if something does. */
static size_t space_end(const char *text, size_t len, size_t at)
{
    size_t end = run(text, len, at, is_space);
    return end < len && end - at > 1 ? end - 1 : end;
}

static size_t gpt2_next(const struct eng_split_rule *rule, const char *text, size_t len, size_t at)
{
    size_t tail = contraction(text + at, len - at, false);
    if (tail) return at + tail;
    size_t body = text[at] == ' ' && at + 1 < len ? at + 1 : at;
    unsigned char c = (unsigned char)text[body];
    if (is_letter(c)) return run(text, len, body, is_letter);
    /* A limit on digits comes from a rule that cuts them off before the others look. */
    if (is_digit(c) && rule->digits && body > at) return body;
    if (is_digit(c)) return number_end(rule, text, len, body);
    if (is_symbol(c)) return run(text, len, body, is_symbol);
    size_t end = run(text, len, at, is_space);
    if (rule->digits && end < len && is_digit((unsigned char)text[end])) return end;
    return space_end(text, len, at);
}

static size_t llama3_next(const struct eng_split_rule *rule, const char *text, size_t len,
                          size_t at)
{
    unsigned char c = (unsigned char)text[at];
    size_t tail = contraction(text + at, len - at, true);
    if (tail) return at + tail;
    if (is_letter(c)) return run(text, len, at, is_letter);
    if (is_digit(c)) return number_end(rule, text, len, at);
    if (!is_newline(c) && at + 1 < len && is_letter((unsigned char)text[at + 1]))
        return run(text, len, at + 1, is_letter);
    size_t body = c == ' ' && at + 1 < len ? at + 1 : at;
    if (is_symbol((unsigned char)text[body]))
        return run(text, len, run(text, len, body, is_symbol), is_newline);
    /* White space up to the run's last newline, else all but the last one of it. */
    size_t end = run(text, len, at, is_space), newline = end;
    while (newline > at && !is_newline((unsigned char)text[newline - 1]))
        newline--;
    return newline > at ? newline : space_end(text, len, at);
}

/* ---- Interface --------------------------------------------------------------------- */

size_t eng_split_next(const struct eng_split_rule *rule, const char *text, size_t len, size_t at)
{
    enum unit unit;
    switch (rule->style) {
    case ENG_SPLIT_ESPALIER:
        return espalier_next(rule, text, len, at, &unit);
    case ENG_SPLIT_GPT2:
        return gpt2_next(rule, text, len, at);
    case ENG_SPLIT_LLAMA3:
        return llama3_next(rule, text, len, at);
    case ENG_SPLIT_NONE:
        break;
    }
    return len;
}

static size_t espalier_heal(const struct eng_split_rule *rule, const char *text, size_t len)
{
    /* A newline ends every pre-token, so the last line is enough. */
    size_t start = len, at, end;
    enum unit unit = UNIT_SINGLE;
    while (start > 0 && !is_newline((unsigned char)text[start - 1]))
        start--;
    /* "\n" may still complete a "\r\n". */
    if (start == len) return len > 0 && text[len - 1] == '\r' ? len - 1 : len;
    for (at = start; at < len; at = end) {
        end = espalier_next(rule, text, len, at, &unit);
        start = at;
    }
    if (unit == UNIT_SINGLE) return len;
    if (unit == UNIT_NUMBER) {
        size_t digits = len - start - (is_digit((unsigned char)text[start]) ? 0 : 1);
        if (digits == rule->digits) return len;
    }
    return start;
}

size_t eng_split_heal(const struct eng_split_rule *rule, const char *text, size_t len)
{
    size_t start = 0, at, end;
    switch (rule->style) {
    case ENG_SPLIT_ESPALIER:
        return espalier_heal(rule, text, len);
    case ENG_SPLIT_NONE:
        /* No pre-tokens: the last word with the space before it stands for one. */
        for (start = len; start > 0 && !is_space((unsigned char)text[start - 1]);)
            start--;
        while (start > 0 && text[start - 1] == ' ')
            start--;
        return start;
    default:
        for (at = 0; at < len; at = end) {
            end = eng_split_next(rule, text, len, at);
            start = at;
        }
        return start;
    }
}

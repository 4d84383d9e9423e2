/* What words and operators mean in each language.
 *
 * A middle is read without a grammar, so this is the little that has to be known of one:
 * how statements end, how comments and strings look, which words start a statement, which
 * ask for an operand, and how tightly an operator binds. It holds what the languages have
 * in common and a row of flags for each; anything finer is the parser's business.
 */
#include "syntax/middle.h"

#include "grammars/grammars.h"

#include <string.h>

uint16_t syn_style_of(const struct gram_language *lang)
{
    static const struct {
        const char *id;
        uint16_t style;
    } styles[] = {
        {"python", STYLE_NEWLINE | STYLE_INDENT | STYLE_HASH | STYLE_COLON},
        {"haskell", STYLE_NEWLINE | STYLE_INDENT | STYLE_DASHES | STYLE_APOSTROPHE | STYLE_WHOLE},
        {"ruby", STYLE_NEWLINE | STYLE_END | STYLE_HASH | STYLE_MULTILINE},
        {"lua", STYLE_NEWLINE | STYLE_END | STYLE_DASHES},
        {"bash",
         STYLE_NEWLINE | STYLE_END | STYLE_HASH | STYLE_MULTILINE | STYLE_DOLLAR | STYLE_WORDS},
        {"go", STYLE_NEWLINE | STYLE_SLASHES},
        {"kotlin", STYLE_NEWLINE | STYLE_SLASHES | STYLE_BARE | STYLE_SUBSCRIPT},
        {"csharp", STYLE_SLASHES | STYLE_BARE | STYLE_SUBSCRIPT},
        {"scala", STYLE_NEWLINE | STYLE_SLASHES | STYLE_WHOLE},
        {"javascript", STYLE_NEWLINE | STYLE_SLASHES},
        {"typescript", STYLE_NEWLINE | STYLE_SLASHES},
        {"tsx", STYLE_NEWLINE | STYLE_SLASHES},
        {"rust", STYLE_SLASHES | STYLE_APOSTROPHE},
        {"c", STYLE_SLASHES | STYLE_DECLARATOR},
        {"cpp", STYLE_SLASHES | STYLE_DECLARATOR},
        {"php", STYLE_SLASHES | STYLE_HASH | STYLE_MULTILINE | STYLE_DOLLAR},
    };
    for (size_t i = 0; lang && i < sizeof styles / sizeof *styles; i++)
        if (!strcmp(lang->id, styles[i].id)) return styles[i].style;
    return STYLE_SLASHES;
}

/* Has the language no node for what is in this kind of string? */
uint8_t syn_whole_string(const struct syn_middle *m, char mark)
{
    bool raw = mark == '\'' && (m->style & STYLE_WORDS);
    return raw || (m->style & STYLE_WHOLE) ? QUOTE_WHOLE : 0;
}

bool syn_one_of(const char *word, size_t len, const char *list)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && !memcmp(p, word, len)) return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

/* Kind of the statement that a keyword starts. */
uint8_t syn_statement_kind(const char *word, size_t len)
{
    static const struct {
        uint8_t kind;
        const char *words;
    } rows[] = {
        {GRAM_KIND_IF, "if unless elif else"},
        {GRAM_KIND_LOOP, "for while do until loop foreach repeat"},
        {GRAM_KIND_SWITCH, "switch match case when select default"},
        {GRAM_KIND_TRY, "try with catch except finally defer rescue ensure begin using"},
        {GRAM_KIND_JUMP, "return break continue throw raise yield goto next redo"},
        {GRAM_KIND_IMPORT, "import from package use using include require namespace"},
        {GRAM_KIND_CLASS, "class struct enum interface trait impl module object union"},
        {GRAM_KIND_FUNCTION, "def fn func fun function"},
        {GRAM_KIND_DECLARATION, "let const var val local static int char void auto type"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (syn_one_of(word, len, rows[i].words)) return rows[i].kind;
    return GRAM_KIND_STATEMENT;
}

/* Does a comment start with this token? */
bool syn_starts_comment(const struct syn_middle *m, const char *token, size_t len)
{
    if ((m->style & STYLE_HASH) && token[0] == '#') return true;
    if (len < 2) return false;
    if ((m->style & STYLE_SLASHES) && token[0] == '/' && (token[1] == '/' || token[1] == '*'))
        return true;
    return (m->style & STYLE_DASHES) && token[0] == '-' && token[1] == '-';
}

/* Words between two operands. */
uint8_t syn_word_rank(const char *word, size_t len)
{
    if (syn_one_of(word, len, "or")) return 3;
    if (syn_one_of(word, len, "and")) return 4;
    if (syn_one_of(word, len, "if else")) return RANK_TERNARY;
    if (syn_one_of(word, len, "in is not instanceof")) return 9;
    if (syn_one_of(word, len, "as")) return 13;
    return 0;
}

/* Words after which an operand comes. */
bool syn_wants_operand(const char *word, size_t len)
{
    return syn_one_of(word, len,
                      "return in not and or if else elif yield await case throw raise new typeof "
                      "delete assert while import from is lambda do then for match switch when "
                      "unless until of echo go defer void instanceof as async with except");
}

/* Words after which "{" opens a block. */
static bool wants_block(const char *word, size_t len)
{
    return syn_one_of(word, len, "else try do finally static unsafe loop init get set default");
}

/* What the word says of the bracket or operand after it. */
void syn_note_word(struct syn_middle *m, const char *word, size_t len)
{
    m->operand = !syn_wants_operand(word, len);
    m->block = wants_block(word, len);
    m->bare = syn_one_of(word, len, "for foreach catch using") ||
              ((m->style & STYLE_BARE) && syn_one_of(word, len, "if while switch lock fixed"));
}

uint8_t syn_operator_rank(const char *op, size_t len)
{
    char a = op[0], b = len > 1 ? op[1] : 0, c = len > 2 ? op[2] : 0;
    if ((a == '.' && b != '.') || (a == '-' && b == '>') || (a == ':' && b == ':') ||
        (a == '?' && b == '.') || (a == '+' && b == '+') || (a == '-' && b == '-') ||
        (a == '!' && b != '='))
        return RANK_POSTFIX;
    if (a == '=' && b != '=' && b != '~') return RANK_ASSIGN;
    if (strchr("+-*/%&|^:.", a) && b == '=') return RANK_ASSIGN;
    if ((a == '<' || a == '>') && b == a && c == '=') return RANK_ASSIGN;
    if (a == ':') return RANK_ASSIGN;
    if (a == '?') return b == '?' ? 3 : RANK_TERNARY;
    if (a == '|') return b == '|' ? 3 : 5;
    if (a == '&') return b == '&' ? 4 : 7;
    if (a == '^') return 6;
    if (a == '=' || a == '!') return 8;
    if ((a == '<' || a == '>') && b == a) return 10;
    if (a == '<' || a == '>') return 9;
    if (a == '+' || a == '-') return 11;
    return 12;
}

uint8_t syn_operator_kind(uint8_t rank)
{
    switch (rank) {
    case RANK_POSTFIX:
        return GRAM_KIND_MEMBER;
    case RANK_ASSIGN:
        return GRAM_KIND_ASSIGN;
    case RANK_TERNARY:
        return GRAM_KIND_CONDITIONAL;
    default:
        return GRAM_KIND_BINARY;
    }
}

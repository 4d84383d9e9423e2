/* Suggestions followed through random edits, against a document that is edited as plain text: what
 * is left of them is what the document lacks of those whose start it has. */
#include "lsp/server/shown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 20000

static const char *const suggested[] = {"abcab", "abba", "ab", "b(a)\n  b"};
#define COUNT (sizeof suggested / sizeof *suggested)

struct oracle {
    char text[256];
    size_t len, place, typed;
    bool possible[COUNT], any;
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static _Noreturn void fail(const char *what, unsigned round)
{
    fprintf(stderr, "round %u: %s\n", round, what);
    exit(1);
}

/* An edit counts as typing along when it ends where the typed part does and starts within it. */
static void follow(struct oracle *o, size_t start, size_t end, const char *text, size_t len)
{
    bool along = o->any && end == o->place + o->typed && start >= o->place;
    memmove(o->text + start + len, o->text + end, o->len - end);
    memcpy(o->text + start, text, len);
    o->len += len - (end - start);
    o->typed = along ? start + len - o->place : 0;
    o->any = false;
    for (size_t i = 0; i < COUNT; i++) {
        o->possible[i] = along && o->possible[i] && strlen(suggested[i]) >= o->typed &&
                         memcmp(o->text + o->place, suggested[i], o->typed) == 0;
        o->any |= o->possible[i];
    }
    if (!o->any && o->place > o->len) o->place = o->len; /* just a place for the next edit */
}

static void check(const struct lsp_shown *shown, const struct oracle *o, size_t cursor,
                  unsigned round)
{
    struct lsp_shown_text rest[ASST_MAX_ITEMS];
    size_t n = lsp_shown_rest(shown, cursor, rest), at = 0;
    for (size_t i = 0; i < COUNT && o->any && cursor == o->place + o->typed; i++) {
        size_t len = strlen(suggested[i]) - (o->possible[i] ? o->typed : 0);
        if (!o->possible[i] || len == 0) continue;
        if (at == n) fail("a text is missing", round);
        if (rest[at].len != len || memcmp(rest[at].text, suggested[i] + o->typed, len) != 0)
            fail("another rest is left", round);
        at++;
    }
    if (at != n) fail("a text too many", round);
}

int main(void)
{
    uint64_t seed = 1;
    struct lsp_shown shown = {0};
    struct oracle o = {.len = 0};
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (next_random(&seed) % 8 == 0 || o.len > 200) {
            o = (struct oracle){.text = "xy abc", .len = 6, .any = true};
            o.place = next_random(&seed) % 7;
            lsp_shown_forget(&shown);
            for (size_t i = 0; i < COUNT; i++) {
                lsp_shown_add(&shown, o.place, suggested[i], strlen(suggested[i]), 0);
                o.possible[i] = true;
            }
        }
        size_t cursor = o.place + o.typed, start = cursor, end = cursor, len = 1;
        const char *text = &"ab(c\n"[next_random(&seed) % 5];
        if (next_random(&seed) % 2) { /* mostly on along one of them */
            const char *along = suggested[next_random(&seed) % COUNT];
            if (o.typed < strlen(along)) text = along + o.typed;
            if (next_random(&seed) % 4 == 0) len = strlen(text);
        }
        if (next_random(&seed) % 4 == 0) {
            start -= next_random(&seed) % (start + 1);
            len = next_random(&seed) % 2;
        }
        if (next_random(&seed) % 16 == 0) end = start + next_random(&seed) % (o.len - start + 1);
        follow(&o, start, end, text, len);
        lsp_shown_edit(&shown, start, end, text, len);
        check(&shown, &o, o.place + o.typed, round);
        check(&shown, &o, next_random(&seed) % (o.len + 1), round);
    }
    lsp_shown_forget(&shown);
    printf("%d edits followed\n", ROUNDS);
    return 0;
}

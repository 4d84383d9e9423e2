/* driver.c: runs a fuzz target without libFuzzer.
 *
 *   <target> [DIR|FILE...] [--mutate N]
 *
 * Calls LLVMFuzzerTestOneInput with every file, then N times with a mutation of one of them.
 * The mutations come from a fixed seed and the files in order of name, so a failure here
 * comes back every time; it is not a search for new paths, which is libFuzzer's work. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILES 4096
#define MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    char *path;
    uint8_t *bytes;
    size_t len;
};

struct corpus {
    struct input *inputs;
    size_t count;
};

/* xorshift64*: any generator will do as long as it is the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static size_t random_below(uint64_t *state, size_t limit)
{
    return limit ? (size_t)(next_random(state) % limit) : 0;
}

static bool add_file(struct corpus *corpus, const char *path)
{
    if (corpus->count == MAX_FILES) {
        fprintf(stderr, "more than %d files\n", MAX_FILES);
        return false;
    }
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    struct input input = {.path = strdup(path), .bytes = malloc(MAX_BYTES)};
    if (input.path && input.bytes) {
        input.len = fread(input.bytes, 1, MAX_BYTES, file);
        corpus->inputs[corpus->count++] = input;
    }
    fclose(file);
    return input.path && input.bytes;
}

static bool add_path(struct corpus *corpus, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(info.st_mode)) return add_file(corpus, path);

    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    bool ok = count >= 0;
    for (int i = 0; i < count; i++) {
        char name[4096];
        int n = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (ok && entries[i]->d_name[0] != '.')
            ok = n > 0 && (size_t)n < sizeof name && add_file(corpus, name);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return ok;
}

/* One edit: flip a bit, set a byte, cut, repeat a piece, or bring a piece of another file. */
static size_t mutate(uint8_t *bytes, size_t len, const struct corpus *corpus, uint64_t *state)
{
    static const uint8_t notable[] = {0, 1, 0x7f, 0x80, 0xff, '\n', '"', '{', '}', '\\'};
    size_t at = random_below(state, len + 1);
    size_t piece = random_below(state, 32) + 1;
    switch (random_below(state, 5)) {
    case 0:
        if (at < len) bytes[at] ^= (uint8_t)(1u << random_below(state, 8));
        return len;
    case 1:
        if (at < len) bytes[at] = notable[random_below(state, sizeof notable)];
        return len;
    case 2:
        if (piece > len - at) piece = len - at;
        memmove(bytes + at, bytes + at + piece, len - at - piece);
        return len - piece;
    default: {
        const struct input *other = &corpus->inputs[random_below(state, corpus->count)];
        size_t from = random_below(state, other->len);
        if (piece > other->len - from) piece = other->len - from;
        if (piece > MAX_BYTES - len) piece = MAX_BYTES - len;
        memmove(bytes + at + piece, bytes + at, len - at);
        memcpy(bytes + at, other->bytes + from, piece);
        return len + piece;
    }
    }
}

/* The target gets a block of exactly len bytes, so that a sanitizer sees one byte too many. */
static bool run_one(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact) return false;
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return true;
}

static bool run_mutations(const struct corpus *corpus, unsigned long count)
{
    uint8_t *bytes = malloc(MAX_BYTES);
    bool ok = bytes != NULL && corpus->count > 0;
    for (unsigned long i = 0; ok && i < count; i++) {
        uint64_t state = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
        const struct input *base = &corpus->inputs[random_below(&state, corpus->count)];
        size_t len = base->len;
        memcpy(bytes, base->bytes, len);
        for (size_t edits = random_below(&state, 6) + 1; edits > 0; edits--)
            len = mutate(bytes, len, corpus, &state);
        ok = run_one(bytes, len);
    }
    free(bytes);
    return ok;
}

int main(int argc, char **argv)
{
    struct corpus corpus = {.inputs = calloc(MAX_FILES, sizeof *corpus.inputs)};
    unsigned long mutations = 0;
    bool ok = corpus.inputs != NULL;
    for (int i = 1; ok && i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc)
            mutations = strtoul(argv[++i], NULL, 10);
        else
            ok = add_path(&corpus, argv[i]);
    }
    for (size_t i = 0; ok && i < corpus.count; i++)
        ok = run_one(corpus.inputs[i].bytes, corpus.inputs[i].len);
    if (ok && mutations > 0) ok = run_mutations(&corpus, mutations);
    printf("%zu files, %lu mutations\n", corpus.count, mutations);
    for (size_t i = 0; i < corpus.count; i++) {
        free(corpus.inputs[i].path);
        free(corpus.inputs[i].bytes);
    }
    free(corpus.inputs);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

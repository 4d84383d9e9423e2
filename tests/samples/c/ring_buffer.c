/* A byte ring buffer and a line reader on top of it.
 *
 * The buffer has a fixed capacity that is a power of two, so that positions can run freely
 * and be masked when used: head - tail is always the number of bytes held, even after the
 * counters wrap. The line reader hands out complete lines without copying when a line lies
 * in one piece, and copies it together when it crosses the end of the storage. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ring {
    unsigned char *bytes;
    size_t capacity; /* power of two */
    size_t head;     /* next position to write */
    size_t tail;     /* next position to read */
};

enum ring_status { RING_OK = 0, RING_FULL, RING_EMPTY, RING_NO_MEMORY };

static size_t round_up_to_power_of_two(size_t n)
{
    size_t power = 1;
    while (power < n) {
        if (power > SIZE_MAX / 2)
            return 0;
        power *= 2;
    }
    return power;
}

enum ring_status ring_init(struct ring *ring, size_t capacity)
{
    memset(ring, 0, sizeof *ring);
    capacity = round_up_to_power_of_two(capacity);
    if (capacity == 0)
        return RING_NO_MEMORY;
    ring->bytes = malloc(capacity);
    if (!ring->bytes)
        return RING_NO_MEMORY;
    ring->capacity = capacity;
    return RING_OK;
}

void ring_free(struct ring *ring)
{
    free(ring->bytes);
    memset(ring, 0, sizeof *ring);
}

size_t ring_used(const struct ring *ring)
{
    return ring->head - ring->tail;
}

size_t ring_space(const struct ring *ring)
{
    return ring->capacity - ring_used(ring);
}

/* Writes all of data or nothing. */
enum ring_status ring_write(struct ring *ring, const void *data, size_t len)
{
    if (len > ring_space(ring))
        return RING_FULL;

    size_t start = ring->head & (ring->capacity - 1);
    size_t first = ring->capacity - start;
    if (first > len)
        first = len;
    memcpy(ring->bytes + start, data, first);
    memcpy(ring->bytes, (const unsigned char *)data + first, len - first);
    ring->head += len;
    return RING_OK;
}

/* Copies up to len bytes out and returns how many there were. */
size_t ring_read(struct ring *ring, void *out, size_t len)
{
    size_t used = ring_used(ring);
    if (len > used)
        len = used;

    size_t start = ring->tail & (ring->capacity - 1);
    size_t first = ring->capacity - start;
    if (first > len)
        first = len;
    memcpy(out, ring->bytes + start, first);
    memcpy((unsigned char *)out + first, ring->bytes, len - first);
    ring->tail += len;
    return len;
}

/* Distance from the tail to the first byte equal to wanted, or -1. */
static ptrdiff_t ring_find(const struct ring *ring, unsigned char wanted)
{
    for (size_t i = 0; i < ring_used(ring); i++) {
        size_t position = (ring->tail + i) & (ring->capacity - 1);
        if (ring->bytes[position] == wanted)
            return (ptrdiff_t)i;
    }
    return -1;
}

struct line_reader {
    struct ring *ring;
    char *scratch; /* holds a line that crosses the end of the ring */
    size_t scratch_size;
};

/* Sets *line and *len to the next line without its newline. The text is valid until the
 * next write to the ring or the next call. */
enum ring_status next_line(struct line_reader *reader, const char **line, size_t *len)
{
    struct ring *ring = reader->ring;
    ptrdiff_t newline = ring_find(ring, '\n');
    if (newline < 0)
        return RING_EMPTY;

    size_t start = ring->tail & (ring->capacity - 1);
    size_t count = (size_t)newline;
    if (start + count <= ring->capacity) {
        *line = (const char *)ring->bytes + start;
    } else {
        if (reader->scratch_size < count) {
            char *grown = realloc(reader->scratch, count);
            if (!grown)
                return RING_NO_MEMORY;
            reader->scratch = grown;
            reader->scratch_size = count;
        }
        size_t first = ring->capacity - start;
        memcpy(reader->scratch, ring->bytes + start, first);
        memcpy(reader->scratch + first, ring->bytes, count - first);
        *line = reader->scratch;
    }
    *len = count;
    ring->tail += count + 1;
    return RING_OK;
}

static int count_lines(FILE *input, size_t *longest)
{
    struct ring ring;
    if (ring_init(&ring, 4096) != RING_OK) {
        fprintf(stderr, "cannot allocate the buffer: %s\n", strerror(errno));
        return -1;
    }
    struct line_reader reader = {.ring = &ring};
    unsigned char chunk[512];
    int lines = 0;

    *longest = 0;
    for (;;) {
        size_t got = fread(chunk, 1, sizeof chunk, input);
        if (got == 0)
            break;
        if (ring_write(&ring, chunk, got) == RING_FULL) {
            fprintf(stderr, "line %d is longer than %zu bytes\n", lines + 1, ring.capacity);
            lines = -1;
            break;
        }
        const char *line;
        size_t len;
        while (next_line(&reader, &line, &len) == RING_OK) {
            lines++;
            if (len > *longest)
                *longest = len;
        }
    }
    free(reader.scratch);
    ring_free(&ring);
    return lines;
}

int main(int argc, char **argv)
{
    FILE *input = argc > 1 ? fopen(argv[1], "rb") : stdin;
    if (!input) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    size_t longest;
    int lines = count_lines(input, &longest);
    if (input != stdin)
        fclose(input);
    if (lines < 0)
        return EXIT_FAILURE;
    printf("%d lines, the longest has %zu bytes\n", lines, longest);
    return EXIT_SUCCESS;
}

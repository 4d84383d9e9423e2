/* Evidence: what is known of a slip beside what the model says.
 *
 * A name put in the place of another one leaves the other one with a use less: where it is never
 * used then, that is a reason to believe in a mistake that no likelihood shows.
 */
#include "lsp/assist/review/opinion.h"

#include <math.h>
#include <string.h>

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* How often a word stands in text [start, end). */
static unsigned count(const char *text, size_t start, size_t end, const char *word, size_t len)
{
    unsigned n = 0;
    if (len == 0) return 0;
    for (size_t at = start; at + len <= end; at++) {
        const char *next = memchr(text + at, word[0], end - len + 1 - at);
        if (!next) break;
        at = (size_t)(next - text);
        if (memcmp(next, word, len) == 0 && (at == start || !is_word(next[-1])) &&
            (at + len == end || !is_word(next[len])))
            n++;
    }
    return n;
}

/* Bytes that two texts share at their starts and ends, of the longer one. */
static float likeness(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t least = a_len < b_len ? a_len : b_len, most = a_len < b_len ? b_len : a_len;
    size_t front = 0, back = 0;
    while (front < least && a[front] == b[front])
        front++;
    while (back < least - front && a[a_len - 1 - back] == b[b_len - 1 - back])
        back++;
    return most > 0 ? (float)(front + back) / (float)most : 0;
}

static float quarter(float logarithm)
{
    float value = logarithm / 4;
    return value < -5 ? -5 : value > 5 ? 5 : value;
}

void rev_evidence_of(const char *text, const struct syn_slips *slips, const struct rev_view *view,
                     size_t start, size_t end, float out[REV_EVIDENCE_COUNT])
{
    const struct syn_slip *slip = &slips->list[view->slip];
    const char *name = text + slip->place.start, *other = slips->texts + slip->text;
    size_t len = slip->place.end - slip->place.start;
    memset(out, 0, REV_EVIDENCE_COUNT * sizeof *out);
    out[REV_EVIDENCE_JOINT] = quarter(view->joint);
    out[REV_EVIDENCE_MIDDLE] = quarter(view->middle);
    out[REV_EVIDENCE_FIRST] = quarter(view->first);
    out[REV_EVIDENCE_OWN] = quarter(view->own);
    out[REV_EVIDENCE_LEAST] = fminf(out[REV_EVIDENCE_JOINT], out[REV_EVIDENCE_MIDDLE]);
    out[REV_EVIDENCE_RIVALS] = log1pf((float)view->rivals);
    out[REV_EVIDENCE_REST] = quarter(view->joint - view->first);
    out[REV_EVIDENCE_LIKE] = likeness(name, len, other, slip->len);
    if (slip->class != SYN_SLIP_NAME && slip->class != SYN_SLIP_COPY) return;
    size_t line = slip->place.start, stop = slip->place.end;
    while (line > start && text[line - 1] != '\n')
        line--;
    while (stop < end && text[stop] != '\n')
        stop++;
    unsigned others = count(text, start, end, other, slip->len);
    out[REV_EVIDENCE_NAME_LEFT] = log1pf((float)count(text, start, end, name, len) - 1);
    out[REV_EVIDENCE_OTHER_LEFT] = log1pf((float)others);
    out[REV_EVIDENCE_NAME_LINE] = log1pf((float)count(text, line, stop, name, len) - 1);
    out[REV_EVIDENCE_OTHER_LINE] = log1pf((float)count(text, line, stop, other, slip->len));
    out[REV_EVIDENCE_UNREAD] = others <= 1;
}

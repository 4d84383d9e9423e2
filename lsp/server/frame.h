/* frame.h: where one message ends and the next begins.
 *
 * The base protocol sends each message as header lines ("Name: value\r\n"), an empty line
 * and a body of exactly Content-Length bytes. A decoder is fed bytes as they arrive, in
 * any cut, and hands out one body at a time. It does no I/O and knows no JSON.
 *
 * Content-Length is required once, decimal digits only. Other headers are read over:
 * Content-Type in particular may hold anything, as clients disagree on how to spell utf-8.
 *
 * A message longer than the cap is announced and its body skipped, so that the stream
 * stays in step. A header that cannot be read breaks the decoder for good: where the next
 * message begins is unknown then. Memory grows with the bytes that arrived, not with the
 * length that was promised.
 */
#ifndef ESPALIER_SERVER_FRAME_H
#define ESPALIER_SERVER_FRAME_H

#include "lsp/server/error.h"

#include <stddef.h>
#include <stdint.h>

#define LSP_FRAME_MAX_BODY   (64u * 1024u * 1024u)
#define LSP_FRAME_MAX_HEADER 8192u /* bytes of all header lines of one message */

enum lsp_frame_event {
    LSP_FRAME_MORE,      /* all bytes used, no message complete yet */
    LSP_FRAME_MESSAGE,   /* a body is complete: take it before feeding on */
    LSP_FRAME_TOO_LARGE, /* a body above the cap was announced; it is being skipped */
    LSP_FRAME_BROKEN,    /* not the base protocol; nothing more can be read */
    LSP_FRAME_NO_MEMORY  /* as broken */
};

struct lsp_frame {
    size_t max_body;
    enum { LSP_FRAME_HEADER, LSP_FRAME_BODY, LSP_FRAME_SKIP, LSP_FRAME_DEAD } state;
    char header[LSP_FRAME_MAX_HEADER];
    size_t header_len, line_start; /* line_start: of the header line being read */
    bool has_length;
    uint64_t length; /* Content-Length */
    uint64_t left;   /* of the body being skipped */
    char *body;
    size_t body_len, body_capacity;
};

/* max_body: bytes of one message at most, 0 for LSP_FRAME_MAX_BODY. */
void lsp_frame_init(struct lsp_frame *frame, size_t max_body);
void lsp_frame_free(struct lsp_frame *frame);

/* Reads from bytes[len] up to the next event; *used says how many were consumed. Call
 * again with the rest until it returns LSP_FRAME_MORE. err is set for TOO_LARGE, BROKEN
 * and NO_MEMORY. */
enum lsp_frame_event lsp_frame_feed(struct lsp_frame *frame, const char *bytes, size_t len,
                                    size_t *used, struct lsp_error *err);

/* After LSP_FRAME_MESSAGE: the body, zero-terminated, and *len without the terminator. The
 * caller frees it. */
char *lsp_frame_take(struct lsp_frame *frame, size_t *len);

/* True between messages: where the stream may end without loss. */
bool lsp_frame_is_idle(const struct lsp_frame *frame);

#endif

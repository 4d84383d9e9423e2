/* requests.h: which requests are still to be answered.
 *
 * Every request that is dispatched is opened here under a ticket, and answering goes
 * through the ticket: the first answer takes it, a second one finds nothing. This is what
 * makes "exactly once" hold however many places may want to answer.
 *
 * Belongs to the loop thread.
 */
#ifndef ESPALIER_SERVER_REQUESTS_H
#define ESPALIER_SERVER_REQUESTS_H

#include "lsp/server/error.h"

#include <stddef.h>
#include <stdint.h>

#define LSP_MAX_OPEN_REQUESTS 256u

struct lsp_requests {
    struct lsp_open_request {
        uint64_t ticket;
        char *id; /* as written */
    } open[LSP_MAX_OPEN_REQUESTS];
    size_t count;
    uint64_t last_ticket;
};

/* The new ticket, never 0. False when the id is in use or too many are open. */
bool lsp_requests_open(struct lsp_requests *requests, const char *id, uint64_t *ticket,
                       struct lsp_error *err);

/* A ticket for work that answers no request. */
uint64_t lsp_requests_ticket(struct lsp_requests *requests);

/* 0 when no request with that id is open. */
uint64_t lsp_requests_find(const struct lsp_requests *requests, const char *id);

/* Takes the ticket: the id, freed by the caller, or NULL when it was answered before. */
char *lsp_requests_take(struct lsp_requests *requests, uint64_t ticket);

void lsp_requests_free(struct lsp_requests *requests);

#endif

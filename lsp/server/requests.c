/* requests.c: the table of unanswered requests.
 *
 * A small array: most requests are answered in the turn of the loop that reads them. Knows
 * nothing of methods or of how an answer is sent.
 */
#include "lsp/server/requests.h"

#include <stdlib.h>
#include <string.h>

uint64_t lsp_requests_find(const struct lsp_requests *requests, const char *id)
{
    for (size_t i = 0; i < requests->count; i++)
        if (strcmp(requests->open[i].id, id) == 0) return requests->open[i].ticket;
    return 0;
}

uint64_t lsp_requests_ticket(struct lsp_requests *requests)
{
    return ++requests->last_ticket;
}

bool lsp_requests_open(struct lsp_requests *requests, const char *id, uint64_t *ticket,
                       struct lsp_error *err)
{
    if (lsp_requests_find(requests, id))
        return lsp_fail(err, "a request with this id is still open");
    if (requests->count == LSP_MAX_OPEN_REQUESTS)
        return lsp_fail(err, "%u requests are open already", LSP_MAX_OPEN_REQUESTS);
    char *copy = strdup(id);
    if (!copy) return lsp_fail(err, "out of memory");
    *ticket = lsp_requests_ticket(requests);
    requests->open[requests->count++] = (struct lsp_open_request){.ticket = *ticket, .id = copy};
    return true;
}

char *lsp_requests_take(struct lsp_requests *requests, uint64_t ticket)
{
    for (size_t i = 0; i < requests->count; i++) {
        if (requests->open[i].ticket != ticket) continue;
        char *id = requests->open[i].id;
        requests->open[i] = requests->open[--requests->count];
        return id;
    }
    return NULL;
}

void lsp_requests_free(struct lsp_requests *requests)
{
    for (size_t i = 0; i < requests->count; i++)
        free(requests->open[i].id);
    requests->count = 0;
}

/* status.c: what the server knows about itself, and what the client reports back.
 *
 * Reports of shown and accepted completions are only counted, and only here: nothing of
 * what was shown or accepted is kept, and nothing leaves the machine.
 */
#include "lsp/server/session.h"

static size_t count_plain(const struct lsp_documents *documents)
{
    size_t n = 0;
    for (size_t i = 0; i < lsp_documents_count(documents); i++)
        n += lsp_document_is_plain(lsp_documents_at(documents, i));
    return n;
}

void lsp_on_status(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    static const char *const states[] = {"none", "loading", "ready", "failed"};
    (void)message;
    static const char *const index_states[] = {"off", "building", "ready"};
    const struct lsp_counters *c = &server->counters;
    struct lsp_index_status index;
    lsp_indexer_status(server->indexer, &index);
    double threshold = lsp_feedback_threshold(server);
    bool ready = server->model_state == LSP_MODEL_READY;
    const struct lsp_status status = {
        .state = states[server->model_state],
        .message = server->model_message,
        .shared = server->channel.shared,
        .model = ready ? server->model.name : NULL,
        .path = server->model_choice.path,
        .architecture = server->model.architecture,
        .weight_type = server->model.weight_type,
        .kernels = server->model.kernels,
        .parameters = (double)server->model.parameters,
        .session_bytes = (double)server->model.session_bytes,
        .context = server->model.context,
        .warm = server->model.warm,
        .load_ms = server->model.load_ms,
        .documents = lsp_documents_count(server->documents),
        .plain_documents = count_plain(server->documents),
        .open_requests = server->requests.count,
        .prepare_ms = server->last_timings.prepare_ms,
        .prefill_ms = server->last_timings.prefill_ms,
        .decode_ms = server->last_timings.decode_ms,
        .total_ms = server->last_total_ms,
        .prompt_tokens = server->last_timings.prompt_tokens,
        .cached_tokens = server->last_timings.cached_tokens,
        .generated_tokens = server->last_timings.generated_tokens,
        .context_tokens = server->last_timings.extra_tokens,
        .longest_turn_ms = server->longest_turn_ms,
        .longest_computing_ms = server->longest_computing_ms,
        .index_state = index_states[index.state],
        .index_files = (double)index.files,
        .index_symbols = (double)index.symbols,
        .index_bytes = (double)index.bytes,
        .index_passed_over = (double)index.passed_over,
        .hidden_below = threshold >= 0 ? threshold : server->model.least_confidence,
        .learned_from = (double)server->feedback.filter.outcomes,
        .index_seconds = index.seconds,
        .index_walks = index.walks,
        .index_windows = index.windows,
        .near_tokens = server->shelf ? (double)asst_shelf_length(server->shelf) : 0,
    };
    const struct lsp_named_count counts[] = {
        {"requests", c->requests},
        {"notifications", c->notifications},
        {"invalid", c->invalid},
        {"answers", c->answers},
        {"errors", c->errors},
        {"completions", c->completions},
        {"suggested", c->shown_items},
        {"kept", c->kept},
        {"empty", c->empty},
        {"cancelled", c->cancelled},
        {"superseded", c->superseded},
        {"stale", c->stale},
        {"longLines", c->long_lines},
        {"failed", c->failed},
        {"reviews", c->reviews},
        {"published", c->published},
        {"prefills", c->prefills},
        {"prefillsFinished", c->prefills_done},
        {"shown", c->did_show},
        {"partiallyAccepted", c->partial_accepts},
        {"acceptedLength", c->accepted_units},
        {"slowTurns", c->slow_turns},
    };
    lsp_answer(server, ticket, lsp_write_status(&status, counts, sizeof counts / sizeof *counts));
}

void lsp_on_did_show(struct lsp_server *server, struct lsp_message *message)
{
    (void)message;
    server->counters.did_show++;
}

void lsp_on_partially_accepted(struct lsp_server *server, struct lsp_message *message)
{
    server->counters.partial_accepts++;
    server->counters.accepted_units += lsp_read_accepted_length(message);
}

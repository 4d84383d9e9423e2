/* engine.h: tokens and structure in, probabilities out.
 *
 * An eng_model is an immutable, memory-mapped GGUF file: weights, tokenizer, hyper-
 * parameters; any number of sessions on any threads share it. An eng_session is the
 * mutable state of one sequence: its part of the KV cache. The caller states the whole
 * wanted prefix (eng_session_sync); the session keeps the longest common prefix of what it
 * has cached, drops the rest and evaluates what is missing.
 *
 * The engine knows no syntax tree and no protocol. Structure reaches it as one plain
 * record a token.
 *
 * Determinism: the logits after a sync depend on the (token, record) sequence and on the
 * kernel set, never on how it was split into syncs nor on the number of threads: cached and
 * recomputed logits are identical bit by bit. So are those of appended tokens, given what was
 * synced before them. In most kernel sets appending and syncing give the same bits, too; the
 * set "amx" prefills in another arithmetic than it decodes, and a sync evaluates appended
 * tokens that it keeps once more.
 *
 * Threads: a model may be read from any thread; a session belongs to one thread at a
 * time. Cancelling (an eng_cancel flag) may come from any thread. Errors: an eng_status
 * and one line in the caller's eng_error (may be NULL) that names the input, what was
 * found and what was expected. Nothing here exits, aborts or writes to a stream.
 */
#ifndef ESPALIER_ENGINE_H
#define ESPALIER_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENG_LEVELS    8
#define ENG_RELATIONS 12

/* Numbers of espalier.confidence.weights. */
#define ENG_CONFIDENCE 8

/* Numbers of espalier.recall.weights. */
#define ENG_RECALL 6

enum eng_status {
    ENG_OK = 0,
    ENG_NO_MEMORY,
    ENG_IO,          /* open, map, read or write failed */
    ENG_BAD_FILE,    /* not GGUF v3, truncated, or inconsistent */
    ENG_UNSUPPORTED, /* valid, but an architecture or tensor type we do not run */
    ENG_BAD_INPUT,   /* token out of range, sequence longer than the context ... */
    ENG_CANCELLED
};

struct eng_error {
    char text[256];
};

/* ---- GGUF -------------------------------------------------------------------------- */

/* Reader over a mapped or caller-owned block of bytes; every offset, count, size and type
 * is checked before use. See engine/gguf.h for reading keys and tensors one by one and
 * for the writer. */
struct eng_gguf;

/* ---- Models ------------------------------------------------------------------------ */

struct eng_model;

/* Weights as the file stores them, or expanded to fp32 at load (reference checks). */
enum eng_weights { ENG_WEIGHTS_AS_STORED = 0, ENG_WEIGHTS_F32 };

/* Attention policies: which of the tokens before it a token looks at, in models that were trained
 * to look at all. They save work in long contexts and cost quality. Tokens are taken in blocks of
 * 16, by their positions: a token's choice is its own, so that the promise above holds for each
 * policy. The last three blocks, its own and the first block of the sequence are always seen, so
 * sequences of up to 64 tokens are dense.
 *
 *   window      what lies within the last `window` tokens
 *   blocks      the nearest s blocks, and of those before them each s-th, where s is the power of
 *               two next to the root of the number of blocks: O(n sqrt n) pairs
 *   threshold   blocks in which some key may have a score for some head of those that share the
 *               keys (by each dimension's largest and smallest value in the block) that is not more
 *               than `margin` below the largest score among the blocks that are always seen */
enum eng_policy_kind {
    ENG_POLICY_AS_FILE = 0, /* as the model was trained */
    ENG_POLICY_DENSE,       /* all, even where the model was trained to look at less */
    ENG_POLICY_WINDOW,
    ENG_POLICY_BLOCKS,
    ENG_POLICY_THRESHOLD
};

struct eng_policy {
    enum eng_policy_kind kind;
    uint32_t window; /* of ENG_POLICY_WINDOW, at least 64 */
    float margin;    /* of ENG_POLICY_THRESHOLD, finite; the larger, the fewer are left out */
};

#define ENG_POLICY_WINDOW_TOKENS UINT32_C(1024)
#define ENG_POLICY_MARGIN        (-4.0f)

/* Reads "file", "dense", "window", "window:TOKENS", "blocks", "threshold" or "threshold:MARGIN";
 * what is not said is as above. */
enum eng_status eng_policy_parse(const char *text, struct eng_policy *out, struct eng_error *err);

struct eng_model_options {
    enum eng_weights weights;
    int threads;              /* compute threads of this model's sessions, the caller's included; 0:
                                 one for each physical core, at most 4 */
    bool vocab_only;          /* only the tokenizer: the file need not hold tensors, and sessions
                                 on such a model are refused */
    uint64_t cache_bytes;     /* limit of the keys and values of all sessions and of the sequences
                                 that are kept beside them, ENG_CACHE_BYTES when 0; what open
                                 sessions need is there even beyond it */
    uint32_t batch_wait_us;   /* how long a pass waits for the next tokens of other sessions that
                                 decode at the moment, so as to serve all at once; 0:
                                 ENG_BATCH_WAIT_US */
    struct eng_policy policy; /* others than the first two are refused for a model with sparse
                                 layers of its own, ENG_POLICY_THRESHOLD for one with a structure */
};

#define ENG_CACHE_BYTES   (UINT64_C(32) << 20)
#define ENG_BATCH_WAIT_US 5000u

/* path is copied. options may be NULL.
 *
 * Two environment variables choose the arithmetic.
 * ESPALIER_CPU=ref|avx2|avxvnni|avx512|avx512vnni|amx|neon|neondotprod|neoni8mm forces a kernel
 * set.
 * ESPALIER_PREFILL=int8|blas: all products by our own kernels, or by OpenBLAS in fp32 on expanded
 * weights. Without it our kernels run wherever there is a vector set, for every weight type, and
 * OpenBLAS, where installed, on processors for which there is none. OpenBLAS is loaded by the first
 * model that wants it; as that sets an environment variable for a moment (blas.c tells why), a
 * program with several threads that asks for it opens the first such model before it starts them.
 */
enum eng_status eng_model_open(const char *path, const struct eng_model_options *options,
                               struct eng_model **out, struct eng_error *err);
void eng_model_close(struct eng_model *model); /* after its sessions */

/* Attention structures, the values of espalier.attention.structure. */
enum eng_structure {
    ENG_STRUCTURE_NONE = 0,
    ENG_STRUCTURE_ADDITIVE,       /* s + b[h, r] */
    ENG_STRUCTURE_ADDITIVE_KEY,   /* s + q . e[r] */
    ENG_STRUCTURE_MULTIPLICATIVE, /* s * softplus(g[h, r]) / ln 2 */
    ENG_STRUCTURE_GATED           /* softmax, then w * sigmoid(g[h, r]), renormalised */
};

/* Order of the parts in fill-in-the-middle prompts: espalier.fim.order ("psm" or "spm"); where
 * a file does not say, SPM for the architecture "espalier" and PSM for all others. */
enum eng_fim_order { ENG_FIM_PSM = 0, ENG_FIM_SPM };

struct eng_model_info {
    const char *name;         /* general.name, or the file's base name */
    const char *architecture; /* "espalier", "llama" */
    const char *license;      /* "" when the file does not say */
    uint64_t parameters, file_bytes;
    uint32_t layers, d_model, d_ff, heads, kv_heads, head_dim, vocab, context;
    enum eng_structure structure;
    enum eng_fim_order fim_order;
    uint32_t outline; /* tokens of a prompt that training gave to lines in front of a window that
                         is cut: espalier.prompt.outline, see lsp/assist/prompt.h; 0: none */
    /* How the file stores what, as GGUF names types: "F16", "Q8_0"; "none" where it has none. */
    const char *weight_type;    /* the most frequent matrix type */
    const char *embedding_type; /* the tokens' embeddings, and the output matrix when tied */
    const char *table_type;     /* the first table of n-grams */
    const char *kernels;        /* the kernel set in use, as ESPALIER_CPU names it */
    const char *policy;         /* of attention, as eng_policy_parse reads it */
    const char *products;       /* who multiplies matrices: "own", "OpenBLAS", or "own, OpenBLAS
                                   not found" where it would have been taken */

    /* espalier.confidence.*: how lsp/assist turns probabilities into confidence; the meaning
     * of the numbers is its own (lsp/assist/confidence.h). */
    bool calibrated; /* the file has them */
    float confidence[ENG_CONFIDENCE];
    float least_confidence; /* suggestions below are better not shown */

    /* espalier.recall.weights: how much lsp/assist trusts what a document repeats beside the
     * model (lsp/assist/recall.h). */
    bool recalls; /* the file has them */
    float recall[ENG_RECALL];
};
const struct eng_model_info *eng_model_info(const struct eng_model *model);

/* ---- Tokenizer --------------------------------------------------------------------- */

struct eng_token {
    int32_t id;
    uint32_t start, end; /* bytes of the input */
};

/* Any bytes are accepted and the spans tile the input. Vocabularies of kind "llama" put a
 * space before the text: their first token has one byte more than its span. Special tokens
 * are never recognised in text. Writes up to capacity tokens and sets *count to the number
 * that the whole text needs; ENG_BAD_INPUT when that is more than capacity. Never
 * allocates for text up to 64 KiB a line beyond per-call scratch. */
enum eng_status eng_tokenize(const struct eng_model *model, const char *text, size_t len,
                             struct eng_token *out, size_t capacity, size_t *count,
                             struct eng_error *err);

/* Bytes of a token (not zero-terminated), or NULL for special and unknown ids. */
const char *eng_token_text(const struct eng_model *model, int32_t id, size_t *len);

/* Id of a special token by its name, -1 when the vocabulary has none. The default model's:
 * <|end|> <|fim_prefix|> <|fim_suffix|> <|fim_middle|> <|file|> <|pad|> and one a language,
 * <|lang:ID|>. */
int32_t eng_special_token(const struct eng_model *model, const char *name);

/* The token that ends a text, as the file names it; -1 when it names none. */
int32_t eng_end_token(const struct eng_model *model);

/* Where to cut text[len] for token healing: the start of the last pre-token when more
 * text could merge with it, else len. */
size_t eng_heal_point(const struct eng_model *model, const char *text, size_t len);

/* ---- Sessions ---------------------------------------------------------------------- */

/* One token's structure; chain holds positions in the sequence, -1 for none. Mirrors what
 * the syntax side computes; segments: 0 context, 1 suffix, 2 prefix, 3 middle. Positions
 * at or after the token itself are an error. Models without structure ignore it. */
struct eng_record {
    int32_t chain[ENG_LEVELS];
    uint8_t depth, kind, sibling, segment;
};

struct eng_input {
    int32_t id;
    struct eng_record record;
};

struct eng_session;

/* Set from any thread to make the running call return ENG_CANCELLED within one layer. */
typedef _Atomic int eng_cancel;

/* capacity: tokens of context, at most the model's own; 0 for the model's. All memory of
 * the session is allocated here. */
enum eng_status eng_session_new(const struct eng_model *model, uint32_t capacity,
                                struct eng_session **out, struct eng_error *err);
void eng_session_free(struct eng_session *session);

/* Whose tokens are evaluated first when several sessions of a model want some at the same time;
 * more urgent ones interrupt prompts of others within a layer. New sessions have the first. */
enum eng_priority { ENG_PRIORITY_TYPING = 0, ENG_PRIORITY_REVIEW, ENG_PRIORITY_BATCH };
#define ENG_PRIORITIES 3
void eng_session_set_priority(struct eng_session *session, enum eng_priority priority);

/* Makes the cache hold exactly want[0..n). *reused: tokens kept from before (may be NULL): the
 * session's own, or those of a sequence that this or another session of the model has held earlier,
 * of which the model keeps as many as its limit allows, the last used ones.
 * Logits of the last token are available afterwards, also when nothing had to be
 * evaluated but it. Cancelled or failed: the cache holds a valid, shorter prefix. */
enum eng_status eng_session_sync(struct eng_session *session, const struct eng_input *want,
                                 size_t n, eng_cancel *cancel, size_t *reused,
                                 struct eng_error *err);

/* Evaluates one more token. No allocation. */
enum eng_status eng_session_append(struct eng_session *session, const struct eng_input *next,
                                   eng_cancel *cancel, struct eng_error *err);

/* The most tokens, or sessions, of one call below. */
#define ENG_BATCH 16

/* Evaluates one more token of each of n sessions of one model, in one pass over its weights:
 * next[n]. The same bits as n appends. Cancelled: none or some of the sessions have got theirs, see
 * eng_session_length. No allocation. */
enum eng_status eng_sessions_append(struct eng_session *const *sessions,
                                    const struct eng_input *next, size_t n, eng_cancel *cancel,
                                    struct eng_error *err);

/* Evaluates n more tokens in one pass, and writes the logits after each: float[n, vocab]. The same
 * bits as n appends; who guessed what would be decoded rewinds to where the guess was wrong. No
 * allocation. */
enum eng_status eng_session_extend(struct eng_session *session, const struct eng_input *next,
                                   size_t n, float *logits, eng_cancel *cancel,
                                   struct eng_error *err);

/* Makes `to` hold what `from` holds, logits included, without evaluating anything: they share the
 * memory of what they have in common. Both are the calling thread's. */
enum eng_status eng_session_copy(struct eng_session *to, const struct eng_session *from,
                                 struct eng_error *err);

/* Drops the tokens from position n on; logits are stale until the next sync or append. */
void eng_session_rewind(struct eng_session *session, size_t n);

size_t eng_session_length(const struct eng_session *session);

/* float[vocab], valid until the next call on this session; NULL when they are stale. */
const float *eng_session_logits(const struct eng_session *session);

/* Evaluates want[0..n) from an empty cache and writes the logits of every position from
 * first on: out is float[(n - first), vocab], row-major. For evaluation and tests. */
enum eng_status eng_session_logits_all(struct eng_session *session, const struct eng_input *want,
                                       size_t n, size_t first, float *out, eng_cancel *cancel,
                                       struct eng_error *err);

/* Forgets the sequences that the model keeps for later; those of open sessions stay. */
void eng_model_forget_sequences(const struct eng_model *model);

/* Writes the sequences that the model keeps for later to a file (those of open sessions only once
 * these have turned to something else, or were closed), and takes them from there into a model
 * that has just been opened, so that it continues as the one before left off. The file is good for
 * the same model file and the same kernel set; any other one, and one that is damaged, is refused
 * with ENG_BAD_FILE and changes nothing. It holds token numbers of what was edited: who writes it
 * keeps it private. *loaded: sequences that were taken; what the limit does not hold is left out.
 */
enum eng_status eng_model_save_sequences(const struct eng_model *model, const char *path,
                                         struct eng_error *err);
enum eng_status eng_model_load_sequences(const struct eng_model *model, const char *path,
                                         size_t *loaded, struct eng_error *err);

/* Bytes that the session holds at most: its pages of keys and values, and the scratch that it
 * shares with all sessions of the model. */
size_t eng_session_bytes(const struct eng_session *session);

/* Pairs of a query and a key in all layers and heads since the model was opened: those of a query
 * and a token up to its own; of these, the ones that had a part in the result; and those that were
 * computed, also because a neighbour looked there. */
struct eng_attended {
    uint64_t pairs, seen, computed;
};
void eng_model_attended(const struct eng_model *model, struct eng_attended *out);

/* ---- Sampling ---------------------------------------------------------------------- */

struct eng_sampler {
    float temperature; /* 0: greedy */
    float top_p;       /* 1: off */
    uint64_t state;    /* the caller's seed; advanced by each draw */
};

/* A set of tokens: a bit for each, token 0 is the lowest bit of the first word. What a grammar
 * or a half-written word allows at a place is made into one once, however many tokens are then
 * looked at. */
#define ENG_SET_WORDS(vocab) (((size_t)(vocab) + 63) / 64)

static inline bool eng_set_has(const uint64_t *set, int32_t id)
{
    return set[id / 64] >> (id % 64) & 1;
}

static inline void eng_set_put(uint64_t *set, int32_t id, bool in)
{
    uint64_t bit = UINT64_C(1) << (id % 64);
    set[id / 64] = in ? set[id / 64] | bit : set[id / 64] & ~bit;
}

/* Draws from logits[vocab] a token of the set allowed[ENG_SET_WORDS(vocab)] (NULL: any). *log_prob
 * (may be NULL) gets the natural log-probability of the drawn token under the unmodified softmax:
 * what is not allowed still counts. scratch: float[vocab]. Returns -1 when nothing is allowed.
 * Ties go to the lowest id; logits that are no numbers are never drawn. */
int32_t eng_sample(struct eng_sampler *sampler, const float *logits, size_t vocab,
                   const uint64_t *allowed, float *scratch, float *log_prob);

/* True when the token's bytes may come next under token healing: they start with
 * want[want_len], or are a prefix of it. */
bool eng_heal_allows(const struct eng_model *model, int32_t id, const char *want, size_t want_len);

/* ---- Hardware ---------------------------------------------------------------------- */

struct eng_hardware {
    char cpu[64];              /* brand string, "" when unknown */
    int logical_cpus, threads; /* usable here; the default for threads */
    uint64_t memory_bytes;
    const char *kernels;      /* chosen set; ESPALIER_CPU forces one */
    const char *instructions; /* space-separated: "avx2 fma avx512f avx512vnni" ... */
};
void eng_hardware_get(struct eng_hardware *out);

/* What this machine can do at most with a model's threads and kernels, measured in half a second:
 * bytes read from memory, and products of the kernel set on operands in the nearest cache
 * (multiplications with a weight), each a second. */
struct eng_limits {
    double read_bytes, products;
};
enum eng_status eng_measure_limits(const struct eng_model *model, struct eng_limits *out,
                                   struct eng_error *err);

/* Weights that a token of a prompt is multiplied with; bytes of weights that a decoded token
 * reads; threads that do it. Tables that are looked up are in neither. */
void eng_model_work(const struct eng_model *model, uint64_t *multiplied, uint64_t *read,
                    int *threads);

#endif

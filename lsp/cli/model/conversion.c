/* conversion.c: from one model file to another, tensor by tensor: which type each gets, the writing
 * and the report.
 *
 * How values are converted is the engine's (engine/quantize.h). Owned here: that small tensors stay
 * as they are, what happens where rows are no whole blocks, and that nobody makes a file larger and
 * no better by mistake.
 */
#include "lsp/cli/model/conversion.h"
#include "lsp/cli/eval/compare.h"
#include "lsp/cli/model/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const group_names[ENG_ROLES] = {[ENG_ROLE_OTHER] = "norms and small ones",
                                                   [ENG_ROLE_EMBEDDING] = "embeddings",
                                                   [ENG_ROLE_OUTPUT] = "output",
                                                   [ENG_ROLE_TABLE] = "n-gram tables",
                                                   [ENG_ROLE_ATTENTION] = "attention",
                                                   [ENG_ROLE_FEED_FORWARD] = "feed-forward"};

static const char *name_of(enum eng_tensor_type type)
{
    return eng_type_info(type)->name;
}

/* ---- What is asked for ------------------------------------------------------------------- */

bool cli_conversion_check(const char *verb, const struct cli_conversion_options *options,
                          const char *const *words, size_t n_words)
{
    if (n_words == 0) return cli_fail("model %s needs a model file", verb), false;
    if (!options->out) return cli_fail("model %s needs --out FILE", verb), false;
    if (n_words > 1 && options->compare.count == 0)
        return cli_fail("unexpected argument \"%s\" (held-out files come after --compare)",
                        words[1]),
               false;
    if (cli_same_file(words[0], options->out))
        return cli_fail("%s: is the input, which is not written over", options->out), false;
    return true;
}

bool cli_conversion_compare(struct cli *cli, const struct cli_conversion_options *options,
                            const char *const *words, size_t n_words, cJSON *root)
{
    static const char *paths[CLI_MAX_WORDS + 16];
    struct cli_eval eval = {.cli = cli, .seed = options->seed, .n = options->n, .outline = -1};
    cJSON *document = NULL;
    size_t n = 0;
    if (options->compare.count == 0) return true;
    for (size_t i = 0; i < options->compare.count; i++)
        paths[n++] = options->compare.values[i];
    for (size_t i = 1; i < n_words; i++)
        paths[n++] = words[i];
    if (!root) putchar('\n');
    if (!cli_compare(&eval, words[0], options->out, paths, n, root ? &document : NULL))
        return false;
    if (root) cJSON_AddItemToObject(root, "comparison", document);
    return true;
}

/* ---- Types ------------------------------------------------------------------------------ */

/* Millibits of a weight. */
static uint32_t size_of_weight(enum eng_tensor_type type)
{
    const struct eng_type_info *info = eng_type_info(type);
    return 8000 * info->block_bytes / info->block_values;
}

/* The type itself where rows of so many values are whole blocks of it, else the next finer one. */
static enum eng_tensor_type fitting(enum eng_tensor_type type, uint64_t cols)
{
    static const enum eng_tensor_type finer[] = {ENG_Q6_K, ENG_Q8_0};
    if (cols % eng_type_info(type)->block_values == 0) return type;
    for (size_t i = 0; i < sizeof finer / sizeof *finer; i++)
        if (size_of_weight(finer[i]) > size_of_weight(type) &&
            cols % eng_type_info(finer[i])->block_values == 0)
            return finer[i];
    return ENG_F16;
}

static bool type_by_name(const char *option, const char *name, int *out)
{
    static const enum eng_tensor_type types[] = {ENG_Q8_0, ENG_Q4_0, ENG_IQ4_NL, ENG_Q4_K,
                                                 ENG_Q6_K, ENG_F16,  ENG_BF16,   ENG_F32};
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(name, name_of(types[i])) == 0) {
            *out = (int)types[i];
            return true;
        }
    if (name)
        cli_fail("%s takes Q8_0, Q4_0, IQ4_NL, Q4_K, Q6_K, F16, BF16 or F32, not \"%s\"", option,
                 name);
    return !name;
}

bool cli_conversion_types(const struct cli_conversion_options *options, struct cli_types *out)
{
    int type = CLI_AS_IT_IS;
    if (!type_by_name("--type", options->type, &type)) return false;
    for (int role = 0; role < ENG_ROLES; role++)
        out->of[role] = type;
    out->of[ENG_ROLE_OTHER] = CLI_AS_IT_IS;
    return type_by_name("--embeddings", options->embeddings, &out->of[ENG_ROLE_EMBEDDING]) &&
           type_by_name("--output", options->output, &out->of[ENG_ROLE_OUTPUT]) &&
           type_by_name("--tables", options->tables, &out->of[ENG_ROLE_TABLE]);
}

/* ---- Opening ---------------------------------------------------------------------------- */

bool cli_conversion_open(struct cli *cli, const char *path, struct cli_conversion *out)
{
    struct eng_error err = {"out of memory"};
    *out = (struct cli_conversion){.cli = cli};
    if (eng_open_weights(path, &out->gguf, &err) != ENG_OK) return cli_fail("%s", err.text), false;
    out->count = eng_gguf_tensor_count(out->gguf);
    out->bytes_before = eng_gguf_file_bytes(out->gguf);
    if (out->count == 0) return cli_fail("%s: has no tensors", path), false;
    out->tensors = calloc(out->count, sizeof *out->tensors);
    if (!out->tensors) return cli_fail("out of memory for %zu tensors", out->count), false;
    for (size_t i = 0; i < out->count; i++) {
        const struct eng_tensor *from = eng_gguf_tensor_at(out->gguf, i);
        out->tensors[i] = (struct cli_planned){.conversion = out,
                                               .from = from,
                                               .role = eng_role_of(from->name),
                                               .to = from->type,
                                               .bytes = from->bytes};
        memcpy(out->tensors[i].dims, from->dims, sizeof from->dims);
    }
    return true;
}

void cli_conversion_close(struct cli_conversion *conversion)
{
    eng_gguf_close(conversion->gguf);
    free(conversion->tensors);
}

struct cli_planned *cli_conversion_find(struct cli_conversion *conversion, const char *name)
{
    for (size_t i = 0; i < conversion->count; i++)
        if (strcmp(conversion->tensors[i].from->name, name) == 0) return &conversion->tensors[i];
    return NULL;
}

/* ---- Planning --------------------------------------------------------------------------- */

static bool changes(const struct cli_planned *t)
{
    return t->to != t->from->type || t->kept.rows || t->kept.cols;
}

static bool settle(struct cli_planned *t, int wanted, bool force)
{
    enum eng_tensor_type own = t->from->type;
    enum eng_tensor_type type = wanted == CLI_AS_IT_IS ? own : (enum eng_tensor_type)wanted;
    t->to = t->role == ENG_ROLE_OTHER ? own : fitting(type, t->dims[0]);
    t->narrow = t->to != type;
    /* Falling back never leads beyond what the tensor has been. */
    if (t->narrow && size_of_weight(t->to) >= size_of_weight(own) &&
        fitting(own, t->dims[0]) == own)
        t->to = own;
    bool larger = size_of_weight(t->to) > size_of_weight(own);
    if (larger && wanted != CLI_AS_IT_IS && !force) {
        cli_fail("tensor %s is %s: as %s it would be larger and no better (--force does it)",
                 t->from->name, name_of(own), name_of(t->to));
        return false;
    }
    if (!eng_type_bytes(t->to, t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3], &t->bytes)) {
        cli_fail("tensor %s is too large", t->from->name);
        return false;
    }
    return true;
}

static bool same_group(const struct cli_planned *a, const struct cli_planned *b)
{
    return a->role == b->role && a->from->type == b->from->type && a->to == b->to;
}

/* One note for all tensors of a group whose rows are as short. */
static void note_narrow(const struct cli_conversion *c, size_t i, const struct cli_types *types)
{
    const struct cli_planned *t = &c->tensors[i];
    size_t alike = 0;
    for (size_t k = 0; k < c->count; k++) {
        const struct cli_planned *other = &c->tensors[k];
        bool same = other->narrow && same_group(other, t) && other->dims[0] == t->dims[0];
        if (same && k < i) return;
        alike += same;
    }
    int wanted = types->of[t->role] == CLI_AS_IT_IS ? (int)t->from->type : types->of[t->role];
    cli_log(c->cli, LSP_LOG_WARN,
            "%s: rows of %" PRIu64 " values are no whole blocks of %s: %zu tensor%s stored as %s",
            t->from->name, t->dims[0], name_of((enum eng_tensor_type)wanted), alike,
            alike == 1 ? " is" : "s are", name_of(t->to));
}

bool cli_conversion_plan(struct cli_conversion *c, const struct cli_types *types, bool force)
{
    size_t again = 0;
    const struct cli_planned *first = NULL;
    for (size_t i = 0; i < c->count; i++) {
        struct cli_planned *t = &c->tensors[i];
        if (!settle(t, types->of[t->role], force)) return false;
        bool quantised = eng_type_info(t->from->type)->block_values > 1;
        if (!quantised || t->to == t->from->type || types->of[t->role] == CLI_AS_IT_IS) continue;
        if (size_of_weight(t->to) < size_of_weight(t->from->type)) continue;
        first = again++ ? first : t;
    }
    for (size_t i = 0; i < c->count; i++)
        if (c->tensors[i].narrow) note_narrow(c, i, types);
    if (again)
        cli_log(c->cli, LSP_LOG_WARN,
                "%zu tensors, like %s, are %s already: what that lost stays lost", again,
                first->from->name, name_of(first->from->type));
    return true;
}

/* ---- Writing ---------------------------------------------------------------------------- */

static enum eng_status make(void *user, void *out, uint64_t bytes, struct eng_error *err)
{
    struct cli_planned *t = user;
    struct cli *cli = t->conversion->cli;
    (void)bytes; /* dims and type are the ones the writer was given */
    cli_progress(cli, "%s to %s", t->from->name, name_of(t->to));
    return eng_convert_tensor(t->from, &t->kept, t->to, cli->config.threads, out, &t->loss, err);
}

/* What general.file_type calls a file of which most weights are of this type. */
static uint32_t file_type(enum eng_tensor_type type)
{
    static const struct {
        enum eng_tensor_type type;
        uint32_t number;
    } numbers[] = {{ENG_F32, 0},   {ENG_F16, 1},   {ENG_Q4_0, 2},    {ENG_Q8_0, 7},
                   {ENG_Q4_K, 14}, {ENG_Q6_K, 18}, {ENG_IQ4_NL, 25}, {ENG_BF16, 32}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].type == type) return numbers[i].number;
    return 0;
}

static enum eng_tensor_type most_frequent(const struct cli_conversion *c)
{
    uint64_t values[ENG_BF16 + 1] = {0}, most = 0;
    enum eng_tensor_type type = ENG_F32;
    for (size_t i = 0; i < c->count; i++) {
        const struct cli_planned *t = &c->tensors[i];
        if (t->role == ENG_ROLE_OTHER) continue;
        values[t->to] += t->dims[0] * t->dims[1];
        if (values[t->to] <= most) continue;
        most = values[t->to];
        type = t->to;
    }
    return type;
}

bool cli_conversion_write(struct cli_conversion *c, struct eng_gguf_writer *writer,
                          const char *path)
{
    struct eng_error err = {"out of memory"};
    enum eng_tensor_type type = most_frequent(c);
    eng_gguf_put_u32(writer, "general.file_type", file_type(type));
    if (eng_type_info(type)->block_values > 1) /* the format of blocks has been this since GGUF */
        eng_gguf_put_u32(writer, "general.quantization_version", 2);
    for (size_t i = 0; i < c->count; i++) {
        struct cli_planned *t = &c->tensors[i];
        if (changes(t))
            eng_gguf_put_made_tensor(writer, t->from->name, t->to, t->from->n_dims, t->dims, make,
                                     t);
        else
            cli_copy_tensor(t->from, writer);
    }
    bool ok = eng_gguf_writer_save(writer, path, &err) == ENG_OK;
    cli_progress_end(c->cli);
    struct eng_gguf *written = NULL;
    if (ok) ok = eng_gguf_open(path, &written, &err) == ENG_OK;
    if (ok) c->bytes_after = eng_gguf_file_bytes(written);
    eng_gguf_close(written);
    if (!ok) cli_fail("%s", err.text);
    return ok;
}

/* ---- Reports ---------------------------------------------------------------------------- */

struct row {
    const struct cli_planned *first;
    size_t tensors;
    uint64_t before, after;
    double lost; /* relative squared error */
};

/* The row of the tensors that share role and types with tensor i; false when that is not the
 * first of them, or has another role. */
static bool row_of(const struct cli_conversion *c, int role, size_t i, struct row *out)
{
    struct eng_loss loss = {0, 0};
    *out = (struct row){.first = &c->tensors[i]};
    if ((int)out->first->role != role) return false;
    for (size_t k = 0; k < c->count; k++) {
        const struct cli_planned *t = &c->tensors[k];
        if (!same_group(t, out->first)) continue;
        if (k < i) return false;
        out->tensors++;
        out->before += t->from->bytes;
        out->after += t->bytes;
        loss.error += t->loss.error;
        loss.power += t->loss.power;
    }
    out->lost = loss.power > 0 ? loss.error / loss.power : 0;
    return true;
}

/* Role by role, the small ones last. */
static int role_at(int turn)
{
    return (turn + 1) % ENG_ROLES;
}

static void print_row(const struct row *row)
{
    printf("%-22s %7zu  %-7s %-7s %10.3f %10.3f  ", group_names[row->first->role], row->tensors,
           name_of(row->first->from->type), name_of(row->first->to), (double)row->before / 1e6,
           (double)row->after / 1e6);
    if (row->lost > 0)
        printf("%.3g\n", row->lost);
    else
        puts("0");
}

void cli_conversion_print(const struct cli_conversion *c)
{
    struct row row;
    printf("%-22s %7s  %-7s %-7s %10s %10s  %s\n", "group", "tensors", "from", "to", "MB before",
           "MB after", "relative squared error");
    for (int turn = 0; turn < ENG_ROLES; turn++)
        for (size_t i = 0; i < c->count; i++)
            if (row_of(c, role_at(turn), i, &row)) print_row(&row);
    printf("%-22s %7zu  %-7s %-7s %10.3f %10.3f\n", "file", c->count, "", "",
           (double)c->bytes_before / 1e6, (double)c->bytes_after / 1e6);
}

static void add_row(const struct row *row, cJSON *groups)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "group", group_names[row->first->role]);
    cJSON_AddNumberToObject(out, "tensors", (double)row->tensors);
    cJSON_AddStringToObject(out, "from", name_of(row->first->from->type));
    cJSON_AddStringToObject(out, "to", name_of(row->first->to));
    cJSON_AddNumberToObject(out, "bytes_before", (double)row->before);
    cJSON_AddNumberToObject(out, "bytes_after", (double)row->after);
    cJSON_AddNumberToObject(out, "relative_squared_error", row->lost);
    cJSON_AddItemToArray(groups, out);
}

void cli_conversion_add_json(const struct cli_conversion *c, cJSON *root)
{
    struct row row;
    cJSON *groups = cJSON_AddArrayToObject(root, "groups");
    for (int turn = 0; turn < ENG_ROLES; turn++)
        for (size_t i = 0; i < c->count; i++)
            if (row_of(c, role_at(turn), i, &row)) add_row(&row, groups);
    cJSON_AddNumberToObject(root, "file_bytes_before", (double)c->bytes_before);
    cJSON_AddNumberToObject(root, "file_bytes_after", (double)c->bytes_after);
}

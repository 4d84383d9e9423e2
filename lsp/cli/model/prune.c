/* prune.c: `espalier model prune IN --out OUT`: a model file without the attention heads and MLP
 * channels whose weights are the smallest.
 *
 * How much a head or a channel matters is judged by the magnitudes of what it is made of (L1
 * norms): no data is looked at. Each matrix counts by its share of its layer's sum, so that none
 * drowns another by its scale. A file has one number of heads and one of channels, so every layer
 * loses as many; which ones is each layer's own.
 *
 * Deliberately absent: training what is left, which is the recipe's (engine/training), and heads
 * of keys and values that differ from layer to layer, which the format cannot say.
 */
#include "lsp/cli/model/conversion.h"
#include "lsp/cli/model/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is asked for ------------------------------------------------------------------ */

/* A share of what there is, or a number. */
struct amount {
    bool given;
    double share; /* 0: a number */
    uint32_t number;
};

static bool parse_amount(const char *option, const char *text, struct amount *out)
{
    char *end = NULL;
    *out = (struct amount){.given = text != NULL};
    if (!text) return true;
    double value = strtod(text, &end);
    bool percent = *end == '%' && end[1] == 0;
    bool ok = end != text && (*end == 0 || percent) && value > 0;
    if (percent) value /= 100;
    if (percent || value < 1) {
        out->share = value;
        ok = ok && value < 1;
    } else {
        ok = ok && value < 1e6 && value == (double)(uint32_t)value;
        out->number = ok ? (uint32_t)value : 0;
    }
    if (!ok) cli_fail("%s takes a share (0.25, 25%%) or a whole number, not \"%s\"", option, text);
    return ok;
}

struct pruning {
    struct cli *cli;
    struct cli_conversion conversion;
    uint32_t heads, kv_heads, head_dim, d_ff, n_layers; /* of IN */
    char architecture[48];
    uint32_t groups, per_group; /* kept: key-value heads, and query heads of each */
    uint32_t channels;          /* kept */
    struct layer *layers;       /* [n_layers] */
};

/* What one layer keeps, ascending, and which share of the weights' magnitudes goes. */
struct layer {
    uint32_t *heads;          /* [groups * per_group] */
    uint32_t *groups;         /* [groups] */
    uint32_t *channels;       /* [channels] */
    uint32_t *head_rows;      /* [groups * per_group * head_dim] of q, columns of output */
    uint32_t *group_rows;     /* [groups * head_dim] of k and v */
    uint32_t *structure_rows; /* of a table with several rows to a head */
    uint32_t *tree_rows;      /* [2 * groups] */
    double lost_heads, lost_channels;
};

static uint32_t group_size(const struct pruning *p)
{
    return p->heads / p->kv_heads;
}

/* How many of `count` remain after an amount, in steps of `step`; 0 after a message. */
static uint32_t remaining(const char *option, const char *what, const struct amount *amount,
                          uint32_t count, uint32_t step)
{
    if (!amount->given) return count;
    uint32_t left = count;
    if (amount->share > 0)
        left = (uint32_t)((double)count * (1 - amount->share) / step + 0.5) * step;
    else
        left = amount->number < count ? count - amount->number : 0;
    if (left >= step && left < count && left % step == 0) return left;
    if (amount->share > 0 && left >= count)
        cli_fail("%s: %g of %" PRIu32 " %s is less than half a step of %" PRIu32, option,
                 amount->share, count, what, step);
    else if (left < step)
        cli_fail("%s: of %" PRIu32 " %s at least %" PRIu32 " have to stay", option, count, what,
                 step);
    else
        cli_fail("%s: of %" PRIu32 " %s %" PRIu32 " would be left, expected a multiple of %" PRIu32,
                 option, count, what, left, step);
    return 0;
}

/* Query heads go in the same number from each group, so that a group stays as large as the next. */
static bool count_heads(struct pruning *p, const struct amount *heads, const struct amount *groups)
{
    uint32_t size = group_size(p);
    struct amount each = *heads;
    p->groups = remaining("--groups", "key-value groups", groups, p->kv_heads, 1);
    if (!p->groups) return false;
    if (heads->given && size == 1)
        return cli_fail("--heads: every head has keys and values of its own here, --groups removes "
                        "both"),
               false;
    if (heads->given && heads->share == 0) {
        if (heads->number % p->groups != 0)
            return cli_fail("--heads: %" PRIu32 " groups cannot lose %" PRIu32
                            " heads in equal numbers, expected a multiple of %" PRIu32,
                            p->groups, heads->number, p->groups),
                   false;
        each.number = heads->number / p->groups;
    }
    p->per_group = remaining("--heads", "query heads of each key-value group", &each, size, 1);
    return p->per_group > 0;
}

/* ---- Norms ------------------------------------------------------------------------------ */

static struct cli_planned *tensor_of(struct pruning *p, uint32_t layer, const char *suffix)
{
    char name[64];
    snprintf(name, sizeof name, "blk.%" PRIu32 ".%s", layer, suffix);
    return cli_conversion_find(&p->conversion, name);
}

/* Adds to score[parts] which share of a matrix's magnitudes lies in each part: `width` rows of it,
 * or columns. */
static bool add_shares(struct pruning *p, uint32_t layer, const char *suffix, bool columns,
                       uint32_t parts, uint32_t width, double *score)
{
    struct cli_planned *t = tensor_of(p, layer, suffix);
    struct eng_error err = {"out of memory"};
    if (!t) return true; /* the gate of a model that has none */
    size_t n = (size_t)(columns ? t->from->dims[0] : t->from->dims[1]);
    double *sums = malloc(n * sizeof *sums), all = 0;
    if (!sums) return cli_fail("out of memory for norms"), false;
    bool ok =
        eng_sum_magnitudes(t->from, columns ? NULL : sums, columns ? sums : NULL, &err) == ENG_OK;
    if (!ok) cli_fail("%s", err.text);
    for (size_t i = 0; ok && i < n; i++)
        all += sums[i];
    for (size_t i = 0; ok && all > 0 && i < (size_t)parts * width; i++)
        score[i / width] += sums[i] / all;
    free(sums);
    return ok;
}

struct scored {
    double score;
    uint32_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

static int by_index(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* The `keep` best of score[count], ascending, each plus base; adds the score of the others to
 * *lost. */
static bool keep_best(const double *score, uint32_t count, uint32_t base, uint32_t keep,
                      uint32_t *out, double *lost)
{
    struct scored *order = malloc(count * sizeof *order);
    if (!order) return cli_fail("out of memory for norms"), false;
    for (uint32_t i = 0; i < count; i++)
        order[i] = (struct scored){score[i], i};
    qsort(order, count, sizeof *order, by_score);
    for (uint32_t i = 0; i < count; i++) {
        if (i < keep)
            out[i] = base + order[i].index;
        else
            *lost += order[i].score;
    }
    qsort(out, keep, sizeof *out, by_index);
    free(order);
    return true;
}

/* ---- Choosing --------------------------------------------------------------------------- */

static bool choose_heads(struct pruning *p, uint32_t number, struct layer *l)
{
    uint32_t size = group_size(p), heads = p->heads, groups = p->kv_heads;
    uint32_t width = p->head_dim;
    double *head = calloc((size_t)heads + 2 * groups, sizeof *head);
    if (!head) return cli_fail("out of memory for norms"), false;
    double *group = head + heads, *own = group + groups;
    bool ok = add_shares(p, number, "attn_q.weight", false, heads, width, head) &&
              add_shares(p, number, "attn_output.weight", true, heads, width, head) &&
              add_shares(p, number, "attn_k.weight", false, groups, width, own) &&
              add_shares(p, number, "attn_v.weight", false, groups, width, own);
    for (uint32_t g = 0; g < groups; g++) {
        group[g] = own[g];
        for (uint32_t i = 0; i < size; i++)
            group[g] += head[g * size + i];
    }
    double lost = 0;
    ok = ok && keep_best(group, groups, 0, p->groups, l->groups, &lost);
    for (uint32_t g = 0; ok && g < p->groups; g++) {
        uint32_t first = l->groups[g] * size;
        ok = keep_best(head + first, size, first, p->per_group, l->heads + g * p->per_group, &lost);
    }
    l->lost_heads = lost / 4; /* of four matrices, a share each */
    free(head);
    return ok;
}

static bool choose_channels(struct pruning *p, uint32_t number, struct layer *l)
{
    uint32_t count = p->d_ff;
    double *score = calloc(count, sizeof *score);
    if (!score) return cli_fail("out of memory for norms"), false;
    bool ok = add_shares(p, number, "ffn_up.weight", false, count, 1, score) &&
              add_shares(p, number, "ffn_gate.weight", false, count, 1, score) &&
              add_shares(p, number, "ffn_down.weight", true, count, 1, score) &&
              keep_best(score, count, 0, p->channels, l->channels, &l->lost_channels);
    l->lost_channels /= tensor_of(p, number, "ffn_gate.weight") ? 3 : 2;
    free(score);
    return ok;
}

/* ---- Rows and columns ------------------------------------------------------------------- */

/* Rows [width * parts[i], width * (parts[i] + 1)) of each part. NULL when out of memory. */
static uint32_t *rows_of_parts(const uint32_t *parts, uint32_t n, uint32_t width)
{
    uint32_t *rows = malloc((size_t)n * width * sizeof *rows);
    for (uint32_t i = 0; rows && i < n; i++)
        for (uint32_t k = 0; k < width; k++)
            rows[i * width + k] = parts[i] * width + k;
    return rows;
}

static void keep_rows(struct pruning *p, uint32_t layer, const char *suffix, const uint32_t *rows,
                      size_t n)
{
    struct cli_planned *t = tensor_of(p, layer, suffix);
    if (!t) return;
    t->kept.rows = rows;
    t->kept.n_rows = n;
    t->dims[1] = n;
}

static void keep_columns(struct pruning *p, uint32_t layer, const char *suffix,
                         const uint32_t *cols, size_t n)
{
    struct cli_planned *t = tensor_of(p, layer, suffix);
    t->kept.cols = cols;
    t->kept.n_cols = n;
    t->dims[0] = n;
}

/* The structure term's table has a row for each head, or, where it is a table of keys
 * [head_dim, relations, heads], several. */
static bool keep_structure(struct pruning *p, uint32_t number, struct layer *l)
{
    struct cli_planned *t = tensor_of(p, number, "attn_structure.weight");
    uint32_t heads = p->groups * p->per_group;
    if (!t) return true;
    uint32_t rows = t->from->n_dims == 3 ? (uint32_t)t->from->dims[1] : 1;
    l->structure_rows = rows_of_parts(l->heads, heads, rows);
    t->kept.rows = l->structure_rows;
    t->kept.n_rows = (size_t)heads * rows;
    t->dims[rows > 1 ? 2 : 1] = heads;
    return l->structure_rows != NULL;
}

/* The tree positions' frequencies are [head_dim / 2, kv_heads, 2]. */
static bool keep_tree(struct pruning *p, uint32_t number, struct layer *l)
{
    struct cli_planned *t = tensor_of(p, number, "attn_tree.weight");
    if (!t) return true;
    l->tree_rows = malloc(2 * (size_t)p->groups * sizeof *l->tree_rows);
    if (!l->tree_rows) return false;
    for (uint32_t i = 0; i < 2 * p->groups; i++)
        l->tree_rows[i] = i / p->groups * p->kv_heads + l->groups[i % p->groups];
    t->kept.rows = l->tree_rows;
    t->kept.n_rows = 2 * (size_t)p->groups;
    t->dims[1] = p->groups;
    return true;
}

static bool prune_heads(struct pruning *p, uint32_t number, struct layer *l)
{
    uint32_t heads = p->groups * p->per_group, width = p->head_dim;
    if (!choose_heads(p, number, l)) return false;
    if (heads == p->heads) return true;
    l->head_rows = rows_of_parts(l->heads, heads, width);
    l->group_rows = rows_of_parts(l->groups, p->groups, width);
    if (!l->head_rows || !l->group_rows || !keep_structure(p, number, l))
        return cli_fail("out of memory for heads"), false;
    keep_rows(p, number, "attn_q.weight", l->head_rows, (size_t)heads * width);
    keep_columns(p, number, "attn_output.weight", l->head_rows, (size_t)heads * width);
    if (p->groups == p->kv_heads) return true;
    keep_rows(p, number, "attn_k.weight", l->group_rows, (size_t)p->groups * width);
    keep_rows(p, number, "attn_v.weight", l->group_rows, (size_t)p->groups * width);
    return keep_tree(p, number, l) || (cli_fail("out of memory for heads"), false);
}

static bool prune_channels(struct pruning *p, uint32_t number, struct layer *l)
{
    if (!choose_channels(p, number, l)) return false;
    if (p->channels == p->d_ff) return true;
    keep_rows(p, number, "ffn_up.weight", l->channels, p->channels);
    keep_rows(p, number, "ffn_gate.weight", l->channels, p->channels);
    keep_columns(p, number, "ffn_down.weight", l->channels, p->channels);
    return true;
}

static bool prune_layers(struct pruning *p)
{
    p->layers = calloc(p->n_layers, sizeof *p->layers);
    if (!p->layers) return cli_fail("out of memory for layers"), false;
    for (uint32_t i = 0; i < p->n_layers; i++) {
        struct layer *l = &p->layers[i];
        cli_progress(p->cli, "layer %" PRIu32 " of %" PRIu32, i + 1, p->n_layers);
        l->heads = calloc((size_t)p->groups * p->per_group, sizeof *l->heads);
        l->groups = calloc(p->groups, sizeof *l->groups);
        l->channels = calloc(p->channels, sizeof *l->channels);
        bool ok = l->heads && l->groups && l->channels;
        if (!ok) cli_fail("out of memory for layers");
        if (!ok || !prune_heads(p, i, l) || !prune_channels(p, i, l)) {
            cli_progress_end(p->cli);
            return false;
        }
    }
    cli_progress_end(p->cli);
    return true;
}

static void close_layers(struct pruning *p)
{
    for (uint32_t i = 0; p->layers && i < p->n_layers; i++) {
        struct layer *l = &p->layers[i];
        uint32_t *const owned[] = {l->heads,      l->groups,         l->channels, l->head_rows,
                                   l->group_rows, l->structure_rows, l->tree_rows};
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
            free(owned[k]);
    }
    free(p->layers);
}

/* ---- Writing ---------------------------------------------------------------------------- */

static bool write_copy(struct pruning *p, const char *path)
{
    char keys[5][96];
    snprintf(keys[0], sizeof keys[0], "%s.attention.head_count", p->architecture);
    snprintf(keys[1], sizeof keys[1], "%s.attention.head_count_kv", p->architecture);
    snprintf(keys[2], sizeof keys[2], "%s.attention.key_length", p->architecture);
    snprintf(keys[3], sizeof keys[3], "%s.attention.value_length", p->architecture);
    snprintf(keys[4], sizeof keys[4], "%s.feed_forward_length", p->architecture);
    const char *const replaced[] = {keys[0],
                                    keys[1],
                                    keys[2],
                                    keys[3],
                                    keys[4],
                                    "general.file_type",
                                    "general.quantization_version",
                                    "general.parameter_count",
                                    "general.size_label",
                                    NULL};
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    if (!writer) return cli_fail("out of memory to write"), false;
    cli_copy_keys(p->conversion.gguf, replaced, writer);
    eng_gguf_put_u32(writer, keys[0], p->groups * p->per_group);
    eng_gguf_put_u32(writer, keys[1], p->groups);
    /* Where a file does not say them, readers divide the width by the heads. */
    eng_gguf_put_u32(writer, keys[2], p->head_dim);
    eng_gguf_put_u32(writer, keys[3], p->head_dim);
    eng_gguf_put_u32(writer, keys[4], p->channels);
    bool ok = cli_conversion_write(&p->conversion, writer, path);
    eng_gguf_writer_free(writer);
    return ok;
}

/* ---- Reports ---------------------------------------------------------------------------- */

/* Whether `index` is one of the kept, which are ascending. */
static bool is_kept(const uint32_t *kept, uint32_t n, uint32_t index)
{
    for (uint32_t i = 0; i < n; i++)
        if (kept[i] == index) return true;
    return false;
}

static void print_text(const struct pruning *p)
{
    uint32_t heads = p->groups * p->per_group;
    printf("kept: %" PRIu32 " of %" PRIu32 " query heads, %" PRIu32 " of %" PRIu32
           " key-value heads, %" PRIu32 " of %" PRIu32 " channels\n\n",
           heads, p->heads, p->groups, p->kv_heads, p->channels, p->d_ff);
    printf("%5s  %14s  %17s  %s\n", "layer", "% of heads' L1", "% of channels' L1",
           "heads removed");
    for (uint32_t i = 0; i < p->n_layers; i++) {
        const struct layer *l = &p->layers[i];
        printf("%5" PRIu32 "  %14.2f  %17.2f ", i, 100 * l->lost_heads, 100 * l->lost_channels);
        for (uint32_t h = 0; h < p->heads; h++)
            if (!is_kept(l->heads, heads, h)) printf(" %" PRIu32, h);
        putchar('\n');
    }
    putchar('\n');
    cli_conversion_print(&p->conversion);
}

static cJSON *list_removed(const uint32_t *kept, uint32_t n, uint32_t count)
{
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < count; i++)
        if (!is_kept(kept, n, i)) cJSON_AddItemToArray(list, cJSON_CreateNumber(i));
    return list;
}

static cJSON *document_of(const struct pruning *p)
{
    cJSON *root = cJSON_CreateObject(), *layers = cJSON_CreateArray();
    uint32_t heads = p->groups * p->per_group;
    cJSON_AddNumberToObject(root, "heads", heads);
    cJSON_AddNumberToObject(root, "kv_heads", p->groups);
    cJSON_AddNumberToObject(root, "channels", p->channels);
    for (uint32_t i = 0; i < p->n_layers; i++) {
        const struct layer *l = &p->layers[i];
        cJSON *out = cJSON_CreateObject();
        cJSON_AddItemToObject(out, "heads", list_removed(l->heads, heads, p->heads));
        cJSON_AddItemToObject(out, "groups", list_removed(l->groups, p->groups, p->kv_heads));
        cJSON_AddItemToObject(out, "channels", list_removed(l->channels, p->channels, p->d_ff));
        cJSON_AddNumberToObject(out, "heads_share", l->lost_heads);
        cJSON_AddNumberToObject(out, "channels_share", l->lost_channels);
        cJSON_AddItemToArray(layers, out);
    }
    cJSON_AddItemToObject(root, "removed", layers);
    cli_conversion_add_json(&p->conversion, root);
    return root;
}

/* ---- The verb --------------------------------------------------------------------------- */

static const char help[] =
    "usage: espalier model prune IN --out OUT [OPTION]... [--compare DIR|FILE...]\n"
    "\n"
    "Writes a copy of the GGUF file IN without the attention heads and MLP channels whose weights\n"
    "have the smallest L1 norms: of a head its rows of q and columns of output (of a group those "
    "of\n"
    "k and v as well), of a channel its rows of up and gate and its column of down. Each matrix\n"
    "counts by its share of its layer's sum. Every layer loses the same number, as the format has\n"
    "one for all; which ones differs. At least one of the first three options is needed.\n"
    "\n"
    "  --heads X         query heads of each layer, the same number from every key-value group, "
    "so\n"
    "                    that groups stay equal: a share, or a number that is a multiple of the\n"
    "                    groups. Keys and values stay\n"
    "  --groups X        key-value groups of each layer: a head of keys and values with all query\n"
    "                    heads that read it. Shrinks the cache, too; what models without groups,\n"
    "                    where each head has keys of its own, need instead of --heads\n"
    "  --channels X      channels of each layer; a multiple of 32 stays, of 256 where down is of\n"
    "                    type Q4_K or Q6_K\n"
    "                    X is a share (0.25, 25%) or a number\n"
    "  --out OUT         where to write; not IN\n"
    "  --type TYPE       store all matrices as this type (see model quantize); without it each\n"
    "                    keeps its own\n"
    "  --force           also where --type makes a tensor larger than in IN, and no "
    "better\n" CLI_COMPARE_HELP;

/* What the engine says of IN: only a file that it runs is pruned, so shapes can be relied on. */
static bool read_sizes(struct pruning *p, const char *path)
{
    struct eng_model *model;
    if (!cli_open_model(p->cli, path, &model)) return false;
    const struct eng_model_info *info = eng_model_info(model);
    p->heads = info->heads;
    p->kv_heads = info->kv_heads;
    p->head_dim = info->head_dim;
    p->d_ff = info->d_ff;
    p->n_layers = info->layers;
    snprintf(p->architecture, sizeof p->architecture, "%s", info->architecture);
    eng_model_close(model);
    return true;
}

/* What a number of channels has to be a multiple of: whole blocks of down's rows. */
static uint32_t channel_step(struct pruning *p, const struct cli_types *types)
{
    uint32_t step = 32;
    int wanted = types->of[ENG_ROLE_FEED_FORWARD];
    for (uint32_t i = 0; i < p->n_layers; i++) {
        enum eng_tensor_type type = wanted == CLI_AS_IT_IS
                                        ? tensor_of(p, i, "ffn_down.weight")->from->type
                                        : (enum eng_tensor_type)wanted;
        uint32_t block = eng_type_info(type)->block_values;
        if (block > step && p->d_ff % block == 0) step = block;
    }
    return step;
}

static bool prune(struct pruning *p, const struct cli_conversion_options *o, const char *in,
                  const struct amount amounts[3])
{
    struct cli_types types;
    if (!cli_conversion_types(o, &types) || !read_sizes(p, in) ||
        !cli_conversion_open(p->cli, in, &p->conversion))
        return false;
    if (!count_heads(p, &amounts[0], &amounts[1])) return false;
    p->channels =
        remaining("--channels", "channels", &amounts[2], p->d_ff, channel_step(p, &types));
    return p->channels > 0 && prune_layers(p) &&
           cli_conversion_plan(&p->conversion, &types, o->force) && write_copy(p, o->out);
}

int cli_model_prune(struct cli *cli, int argc, char **argv)
{
    struct cli_conversion_options o = {.n = 100, .seed = 1};
    const char *heads = NULL, *groups = NULL, *channels = NULL;
    const struct cli_option options[] = {{"--out", CLI_TEXT, &o.out, 0, 0},
                                         {"--heads", CLI_TEXT, &heads, 0, 0},
                                         {"--groups", CLI_TEXT, &groups, 0, 0},
                                         {"--channels", CLI_TEXT, &channels, 0, 0},
                                         {"--type", CLI_TEXT, &o.type, 0, 0},
                                         {"--force", CLI_FLAG, &o.force, 0, 0},
                                         {"--compare", CLI_LIST, &o.compare, 0, 0},
                                         {"--n", CLI_INT, &o.n, 1, 1000000},
                                         {"--seed", CLI_INT, &o.seed, 0, 2147483647},
                                         {"--json", CLI_FLAG, &o.json, 0, 0},
                                         {0}};
    static const char *words[CLI_MAX_WORDS];
    size_t n_words;
    struct amount amounts[3];
    if (!cli_parse(cli, options, argc, argv, words, CLI_MAX_WORDS, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (!cli_conversion_check("prune", &o, words, n_words)) return CLI_ERROR;
    if (!heads && !groups && !channels)
        return cli_fail("model prune needs --heads, --groups or --channels");
    if (!parse_amount("--heads", heads, &amounts[0]) ||
        !parse_amount("--groups", groups, &amounts[1]) ||
        !parse_amount("--channels", channels, &amounts[2]))
        return CLI_ERROR;

    struct pruning p = {.cli = cli};
    bool ok = prune(&p, &o, words[0], amounts);
    cJSON *root = ok && o.json ? document_of(&p) : NULL;
    if (ok && !root) print_text(&p);
    close_layers(&p);
    cli_conversion_close(&p.conversion);
    ok = ok && cli_conversion_compare(cli, &o, words, n_words, root);
    if (ok && root)
        cli_print_json(root);
    else
        cJSON_Delete(root);
    return ok ? CLI_OK : CLI_ERROR;
}

/* report.h: how findings are printed. */
#ifndef ESPALIER_CLI_REPORT_H
#define ESPALIER_CLI_REPORT_H

#include "lsp/assist/review/review.h"

enum cli_report_format { CLI_REPORT_TEXT, CLI_REPORT_JSON, CLI_REPORT_SARIF, CLI_REPORT_RDJSONL };

/* False when there is no format of this name: text, json, sarif, rdjsonl. */
bool cli_report_format_by_name(const char *name, enum cli_report_format *out);

struct cli_report;

/* colour: of text. NULL when memory ran out. */
struct cli_report *cli_report_begin(enum cli_report_format format, bool colour);

/* Prints, or keeps for the end, the findings of one file. path: as it is to be shown. */
void cli_report_file(struct cli_report *report, const char *path, const struct syn_document *doc,
                     const struct rev_findings *findings);

/* Prints what was kept and frees. False when memory ran out on the way: then nothing was. */
bool cli_report_end(struct cli_report *report);

/* Frees and prints nothing. True. */
bool cli_report_drop(struct cli_report *report);

#endif

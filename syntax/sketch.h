/* sketch.h: what to look for, written in the language itself.
 *
 *   free($P)            if ($C) { $$$BODY }            $A != $A
 *
 * A sketch is one expression, statement or declaration, or several statements that follow each
 * other, the first of which is more than a name. $NAME stands for one node, $$$NAME for any
 * number of neighbours with what separates them; a name is of upper-case letters, digits and "_".
 * The same name stands for the same tokens each time; $_ and $$$ are not remembered. All else has
 * to be there as it is; white space and comments do not count, nor do commas, semicolons and ends
 * of lines that only the text has. Public beside syntax.h; the same rules of threads, ownership and
 * errors hold. A sketch is not changed after it was made and may be used from several threads.
 */
#ifndef ESPALIER_SYNTAX_SKETCH_H
#define ESPALIER_SYNTAX_SKETCH_H

#include "syntax/syntax.h"

#define SYN_SKETCH_NAMES 16    /* different ones */
#define SYN_SKETCH_BYTES 65536 /* of its text */
#define SYN_SKETCH_DEPTH 100   /* levels of its tree */

struct syn_sketch;

/* SYN_BAD_GRAMMAR when the text is nothing of this language, alone or in one of its contexts
 * (grammars/<language>/contexts), or would match everything. */
enum syn_status syn_sketch_new(const struct gram_language *lang, const char *text, size_t len,
                               struct syn_sketch **out, struct syn_error *err);
void syn_sketch_free(struct syn_sketch *sketch); /* takes NULL */

/* Adds what has to hold of places: predicates as in patterns (pattern.h), "(#pure? @P) ...", each
 * speaking of names as captures. @match is what was found (of several statements the first one),
 * @function the innermost function around it, or the file, and @file all of the text. Of what a
 * $$$NAME stands for, a first argument, predicates ask of each node, of any or of the last one, as
 * fits. Once. SYN_BAD_GRAMMAR when it is none of that. */
enum syn_status syn_sketch_require(struct syn_sketch *sketch, const char *text, size_t len,
                                   struct syn_error *err);

/* Number of a name (without "$"), from 0; -1 when the sketch has none. */
int syn_sketch_name(const struct syn_sketch *sketch, const char *name, size_t len);

/* A $NAME or $$$NAME that text[len] begins with: its bytes, 0 when there is none, and where in it
 * the name is. */
size_t syn_sketch_word(const char *text, size_t len, bool *many, struct syn_span *name);

/* False when the text cannot have what the sketch asks for: without parsing it. */
bool syn_sketch_may_match(const struct syn_sketch *sketch, const char *text, size_t len);

struct syn_found {
    struct syn_span span;
    struct syn_span names[SYN_SKETCH_NAMES]; /* empty where a $$$NAME stands for nothing */
    bool operand;                            /* it is an operand: another text may need brackets */
    bool loose[SYN_SKETCH_NAMES]; /* an expression with operands: elsewhere it may need brackets */
};

/* which: number of the sketch. Return false to stop. */
typedef bool (*syn_on_found)(size_t which, const struct syn_found *found, void *user);

/* Calls visit for each place of sketches[n] of its language in a parsed document that touches
 * within, bytes or, empty, a place between them; outer ones before those in them, by starts; at a
 * node in the sketches' order. What has a syntax error in it is no place. SYN_CANCELLED when the
 * document's stop flag was set. */
enum syn_status syn_sketch_run(const struct syn_sketch *const *sketches, size_t n,
                               const struct syn_document *doc, struct syn_span within,
                               syn_on_found visit, void *user, struct syn_error *err);

/* Is there a node with exactly these bytes, and none that wants brackets where it is? */
bool syn_stands(const struct syn_document *doc, struct syn_span span);

/* Is it "and" or "or" in brackets (which are not part of the span) as an operand of the same? */
bool syn_needs_no_brackets(const struct syn_document *doc, struct syn_span span);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.c - see pattern.h. */
#include <stdint.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/privacy/pattern.h"
#include "common/xalloc.h"

struct pattern {
	pcre2_code *code;
};

struct pattern_work {
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

static enum error_code
code_of(int code)
{
	return code == PCRE2_ERROR_MATCHLIMIT ||
		       code == PCRE2_ERROR_DEPTHLIMIT ||
		       code == PCRE2_ERROR_HEAPLIMIT ||
		       code == PCRE2_ERROR_JIT_STACKLIMIT
		   ? ERR_LIMIT
		   : ERR_INVALID;
}

static int
refuse(struct error *e, int code, const char *what)
{
	PCRE2_UCHAR cause[160] = "";

	(void)pcre2_get_error_message(code, cause, sizeof(cause));
	return error_set(e, code_of(code), "%s: %s", what, (char *)cause);
}

int
pattern_new(const char *regex, struct pattern **ret, struct error *e)
{
	PCRE2_SIZE offset;
	PCRE2_UCHAR cause[160] = "";
	int code;
	pcre2_code *compiled =
	    pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
		PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);

	if (compiled == NULL) {
		(void)pcre2_get_error_message(code, cause, sizeof(cause));
		return error_set(e, ERR_INVALID, "%s at offset %zu",
		    (char *)cause, (size_t)offset);
	}
	code = pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
	/* Where there is no JIT, it is slow but the same. */
	if (code < 0 && code != PCRE2_ERROR_JIT_BADOPTION) {
		pcre2_code_free(compiled);
		return refuse(e, code, "cannot be compiled");
	}
	*ret = xmalloc(sizeof(**ret));
	(*ret)->code = compiled;
	return 0;
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	pcre2_code_free(p->code);
	free(p);
}

/* PCRE2 begins to count anew at each place. */
static uint32_t
place_limit(size_t bytes)
{
	size_t limit = PATTERN_BODY_LIMIT / (bytes + 1);

	if (limit < PATTERN_PLACE_MIN)
		return PATTERN_PLACE_MIN;
	return limit < PATTERN_PLACE_LIMIT ? (uint32_t)limit
					   : PATTERN_PLACE_LIMIT;
}

struct pattern_work *
pattern_work_new(size_t bytes)
{
	struct pattern_work *w = xmalloc(sizeof(*w));

	w->match = pcre2_match_data_create(1, NULL);
	w->limits = pcre2_match_context_create(NULL);
	if (w->match == NULL || w->limits == NULL)
		abort(); /* out of memory */
	(void)pcre2_set_match_limit(w->limits, place_limit(bytes));
	(void)pcre2_set_depth_limit(w->limits, PATTERN_DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(w->limits, PATTERN_HEAP_KIB);
	return w;
}

void
pattern_work_free(struct pattern_work *w)
{
	if (w == NULL)
		return;
	pcre2_match_data_free(w->match);
	pcre2_match_context_free(w->limits);
	free(w);
}

int
pattern_find(const struct pattern *p, struct pattern_work *w, const char *text,
    size_t n, size_t from, bool is_valid, size_t *start, size_t *end,
    struct error *e)
{
	const PCRE2_SIZE *found;
	int r = pcre2_match(p->code, (PCRE2_SPTR)text, n, from,
	    PCRE2_NOTEMPTY | (is_valid ? PCRE2_NO_UTF_CHECK : 0), w->match,
	    w->limits);

	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	if (r < 0)
		return refuse(e, r, "the text could not be checked");
	found = pcre2_get_ovector_pointer(w->match);
	*start = found[0];
	*end = found[1];
	/* \K can put the start anywhere. */
	if (*start < from || *end <= *start)
		return error_set(e, ERR_INVALID,
		    "the text could not be checked: the expression finds "
		    "what isn't there");
	return 1;
}

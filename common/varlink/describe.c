/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - the text of an interface, from its tables. */
#include "common/buf.h"
#include "common/error.h"
#include "common/varlink/varlink.h"

static void put_struct(struct buf *, const struct field *, unsigned depth);

static void
put_type(struct buf *b, const struct field *f, unsigned depth)
{
	static const char *const types[] = {
		[FIELD_BOOL] = "bool",
		[FIELD_INT] = "int",
		[FIELD_STR] = "string",
		[FIELD_STRS] = "[]string",
		[FIELD_MAP] = "[string]string",
		[FIELD_FD] = "int",
		[FIELD_FDS] = "[]int",
		[FIELD_OBJ] = "",
		[FIELD_OBJS] = "[]",
	};

	(void)buf_printf(
	    b, "%s%s", f->presence == OPTIONAL ? "?" : "", types[f->type]);
	if (f->sub != NULL)
		put_struct(b, f->sub, depth);
}

static void
put_struct(struct buf *b, const struct field *f, unsigned depth)
{
	if (f == NULL || f->name == NULL) {
		(void)buf_puts(b, "()");
		return;
	}
	(void)buf_puts(b, "(\n");
	for (; f->name != NULL; f++) {
		for (unsigned i = 0; i <= depth; i++)
			(void)buf_puts(b, "  ");
		(void)buf_printf(b, "%s: ", f->name);
		put_type(b, f, depth + 1);
		(void)buf_puts(b, f[1].name != NULL ? ",\n" : "\n");
	}
	for (unsigned i = 0; i < depth; i++)
		(void)buf_puts(b, "  ");
	(void)buf_puts(b, ")");
}

/* The language has no type for them. */
static void
put_descriptors(struct buf *b, const struct field *f)
{
	const char *before = "# Indexes of passed descriptors: ";
	const char *after = "";

	for (; f != NULL && f->name != NULL; f++) {
		if (f->type != FIELD_FD && f->type != FIELD_FDS)
			continue;
		(void)buf_printf(b, "%s%s", before, f->name);
		before = ", ";
		after = "\n";
	}
	(void)buf_puts(b, after);
}

static void
put_method(struct buf *b, const struct method *m)
{
	(void)buf_printf(b, "\n# %s\n", m->doc);
	if ((m->flags & METHOD_MORE) != 0)
		(void)buf_puts(b, "# To be called with \"more\".\n");
	put_descriptors(b, m->params);
	put_descriptors(b, m->reply);
	(void)buf_printf(b, "method %s", m->name);
	put_struct(b, m->params, 0);
	(void)buf_puts(b, " -> ");
	put_struct(b, m->reply, 0);
	(void)buf_puts(b, "\n");
}

char *
varlink_describe(const struct interface *interface)
{
	struct buf b = BUF_INIT;

	(void)buf_printf(
	    &b, "# %s\ninterface %s\n", interface->doc, interface->name);
	for (const struct method *const *m = interface->methods; *m != NULL;
	     m++)
		put_method(&b, *m);
	for (const struct named_error *e = interface->errors;
	     e != NULL && e->name != NULL; e++) {
		(void)buf_printf(&b, "\n# %s\nerror %s ", e->doc, e->name);
		put_struct(&b, e->fields, 0);
		(void)buf_puts(&b, "\n");
	}
	for (int code = ERR_NONE + 1; code < ERROR_MAX_; code++)
		(void)buf_printf(&b, "\nerror %s (message: string)\n",
		    error_name((enum error_code)code));
	return buf_take_str(&b);
}

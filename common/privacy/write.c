/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - a configuration in its canonical form; see privacy.h. */
#include <string.h>

#include "common/buf.h"
#include "common/json/scan.h"
#include "common/privacy/model.h"
#include "common/privacy/national.h"

static void
put_text(struct buf *b, const char *before, const char *text)
{
	(void)buf_puts(b, before);
	(void)json_put_string(b, text, strlen(text));
}

static void
put_countries(struct buf *b, uint64_t countries)
{
	const char *separator = ",\"countries\":[";

	if (countries == national_all())
		return;
	for (int i = 0; national_name(i) != NULL; i++)
		if (countries & UINT64_C(1) << i) {
			put_text(b, separator, national_name(i));
			separator = ",";
		}
	(void)buf_puts(b, "]");
}

static void
put_words(struct buf *b, const struct privacy_detector *d)
{
	for (size_t i = 0; i < d->n_words; i++)
		put_text(b, i == 0 ? ",\"words\":[" : ",", d->words[i]);
	(void)buf_puts(b, "]");
}

static void
put_detector(struct buf *b, const struct privacy_detector *d)
{
	put_text(b, "{\"action\":", privacy_action_name(d->action));
	if (d->type == PRIVACY_NATIONAL_ID)
		put_countries(b, d->countries);
	if (d->ignore_case)
		(void)buf_puts(b, ",\"ignore_case\":true");
	if (d->name != NULL)
		put_text(b, ",\"name\":", d->name);
	if (d->regex != NULL)
		put_text(b, ",\"regex\":", d->regex);
	if (d->restore)
		(void)buf_puts(b, ",\"restore\":true");
	put_text(b, ",\"type\":", privacy_type_name(d->type));
	if (d->n_words > 0)
		put_words(b, d);
	(void)buf_puts(b, "}");
}

char *
privacy_to_json(const struct privacy *p)
{
	struct buf b = BUF_INIT;

	(void)buf_puts(&b, "{\"detectors\":[");
	for (size_t i = 0; i < p->n; i++) {
		if (i > 0)
			(void)buf_puts(&b, ",");
		put_detector(&b, &p->detectors[i]);
	}
	(void)buf_puts(&b, "]");
	if (p->reroute != NULL)
		put_text(&b, ",\"reroute\":", p->reroute);
	(void)buf_puts(&b, "}");
	return buf_take_str(&b);
}

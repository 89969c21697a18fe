/* SPDX-License-Identifier: Apache-2.0 */
/* test_privacy_detectors.c - what each detector finds in a text, and what it
 * leaves alone.  Nothing here was ever anybody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/privacy/model.h"

static const char all[] = "detectors:\n"
			  "  - { type: credential, action: redact }\n"
			  "  - { type: private-key, action: block }\n"
			  "  - { type: payment-card, action: redact }\n"
			  "  - { type: email, action: redact }\n"
			  "  - { type: phone, action: redact }\n"
			  "  - { type: iban, action: redact }\n"
			  "  - { type: national-id, action: redact }\n";

struct row {
	const char *why;
	const char *text;
	const char *found; /* "email=a@b.org;..." or "" */
};

#define BODY                                                                   \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz"     \
	"c2gtZWQyNTUxOQAAACBmYWtl"

static const struct row rows[] = {
	{ "nothing", "", "" },
	{ "an address", "Mail alice@example.com.", "email=alice@example.com" },
	{ "in brackets", "<bob.smith+tag@mail.example.co.uk>",
	    "email=bob.smith+tag@mail.example.co.uk" },
	{ "behind an escape", "\"\\ncarol@example.org\"",
	    "email=carol@example.org" },
	{ "letters beyond ASCII", "jos\xc3\xa9@ex\xc3\xa4mple.de",
	    "email=jos\xc3\xa9@ex\xc3\xa4mple.de" },
	{ "two", "a@x.org,b@x.org", "email=a@x.org;email=b@x.org" },
	{ "mailto", "mailto:a.b@x.org?subject=1", "email=a.b@x.org" },
	{ "git over ssh", "git clone git@github.com:octo/repo.git", "" },
	{ "a login", "ssh -p 22 deploy@web.example.com", "" },
	{ "a prompt", "root@db1.example.com:~# ls", "" },
	{ "a package", "npm i react@18.2.0 @types/node@20.1", "" },
	{ "a picture", "logo@2x.png", "" },
	{ "a unit", "systemctl status user@1000.service", "" },
	{ "in a URL", "https://me@git.example.com/x", "" },
	{ "a message's name", "Message-ID: <1.2@mail.example.com>", "" },
	{ "asked for", "me@db.example.com's password: ", "" },
	{ "no domain", "root@localhost me@ @you a@b", "" },

	{ "a card", "card 4111 1111 1111 1111 exp 12/29",
	    "payment-card=4111 1111 1111 1111" },
	{ "with dashes", "5500-0000-0000-0004",
	    "payment-card=5500-0000-0000-0004" },
	{ "plain", "pan=378282246310005;", "payment-card=378282246310005" },
	{ "4-6-5", "3782 822463 10005", "payment-card=3782 822463 10005" },
	{ "a wrong digit", "4111 1111 1111 1112", "" },
	{ "no issuer", "9999 9999 9999 9995", "" },
	{ "in a longer number", "41111111111111111111", "" },
	{ "in a UUID", "6f1c-4111111111111111", "" },
	{ "a decimal", "0.4111111111111111", "" },

	{ "an IBAN", "DE89 3704 0044 0532 0130 00",
	    "iban=DE89 3704 0044 0532 0130 00" },
	{ "plain", "iban:GB82WEST12345698765432,",
	    "iban=GB82WEST12345698765432" },
	{ "lower case", "fr1420041010050500013m02606",
	    "iban=fr1420041010050500013m02606" },
	{ "a wrong check", "DE88 3704 0044 0532 0130 00", "" },
	{ "too long", "GB82WEST12345698765432X", "" },

	{ "E.164", "ring +14155552671 now", "phone=+14155552671" },
	{ "with groups", "+33 6 12 34 56 78", "phone=+33 6 12 34 56 78" },
	{ "with a zero that isn't dialled", "+44 (0)20 7946 0958",
	    "phone=+44 (0)20 7946 0958" },
	{ "North America", "(415) 555-2671", "phone=(415) 555-2671" },
	{ "with dashes", "415-555-2671", "phone=415-555-2671" },
	{ "France", "01 42 68 53 00", "phone=01 42 68 53 00" },
	{ "Germany", "030/12345678", "phone=030/12345678" },
	{ "named", "Tel.: 0612345678", "phone=0612345678" },
	{ "not named", "build 0612345678", "" },
	{ "a sum", "a+14155552671", "" },
	{ "a country whose code ends in 0", "+420 601 234 567",
	    "phone=+420 601 234 567" },
	{ "a national zero", "+49 0171 2345678", "" },
	{ "Sweden", "070-123 45 67", "phone=070-123 45 67" },
	{ "bytes in a dump", "3e 00 01 00 00 00 00", "" },
	{ "an order's", "phone us about order 100045321", "" },
	{ "a decimal", "cell rate: 1412830.188", "" },
	{ "behind a phone's placeholder", "[PHONE_1A2B3C4D], 4532015", "" },
	{ "a date", "phone call on 2024-01-15 10:30", "" },
	{ "an address of the Internet", "tel 192.168.100.200", "" },
	{ "a time", "phone_verified_at: 1700000000", "" },

	{ "SSN", "SSN 123-45-6789.", "national-id=123-45-6789" },
	{ "never given", "000-12-3456 666-12-3456 123-00-4567", "" },
	{ "plain, named", "ssn=123456789", "national-id=123456789" },
	{ "plain", "id=123456789", "" },
	{ "named in words that are joined", "social_security_no 123456789",
	    "national-id=123456789" },
	{ "in a capital", "socialSecurityNo=123456789",
	    "national-id=123456789" },
	{ "NIR", "1 84 12 76 451 089 46", "national-id=1 84 12 76 451 089 46" },
	{ "DNI", "12345678Z", "national-id=12345678Z" },
	{ "a wrong letter", "12345678A", "" },
	{ "codice fiscale", "RSSMRA85T10A562S",
	    "national-id=RSSMRA85T10A562S" },
	{ "NINO", "AB 12 34 56 C", "national-id=AB 12 34 56 C" },
	{ "AHV", "756.9217.0769.85", "national-id=756.9217.0769.85" },
	{ "NHS, named", "NHS no 943 476 5919", "national-id=943 476 5919" },
	{ "BSN, named", "BSN: 111222333", "national-id=111222333" },
	{ "hetu", "131052-308T", "national-id=131052-308T" },
	{ "PESEL", "PESEL 44051401359", "national-id=44051401359" },
	{ "CPF", "529.982.247-25", "national-id=529.982.247-25" },

	{ "a token with its checksum",
	    "x ghp_"
	    "zz0NOT0A0REAL0TOKEN0zz0NOT0A0R2Dg74L.",
	    "credential=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" },
	{ "another's checksum",
	    "ghp_"
	    "zz0NOT0A0REAL0TOKEN0zz0NOT0A0R1Dg74L",
	    "" },
	{ "AWS",
	    "id AKIA"
	    "NOTAREALKEY2345X.",
	    "credential=AKIANOTAREALKEY2345X" },
	{ "assigned", "DB_PASSWORD=c0rrect-H0rse!x",
	    "credential=c0rrect-H0rse!x" },
	{ "in JSON", "x {\"api_key\": \"3f9a7c1e5b2d8046af13\"}",
	    "credential=3f9a7c1e5b2d8046af13" },
	{ "a variable", "password=$DB_PASSWORD token=${TOKEN}", "" },
	{ "a call", "token = get_token(1234567890, \"abc\")", "" },
	{ "a type", "password: string; token: String", "" },
	{ "a sample", "api_key: your-api-key-1234567890", "" },
	{ "behind a type", "let secret: &str = \"8f3kd92mfu48dk2mzq91\";",
	    "credential=8f3kd92mfu48dk2mzq91" },
	{ "another name's type", "let size: &str = \"8f3kd92mfu48dk2mzq91\"",
	    "" },
	{ "an argument", "set('db_password', 'wP9#kk2L')",
	    "credential=wP9#kk2L" },
	{ "an argument of another name", "set('db_path', 'wP9#kk2L')", "" },
	{ "words in a list", "\"x:password\", \"wP9#kk2L\"", "" },
	{ "quoted alike", "\"password\", 'wP9#kk2L'", "" },
	{ "quoted behind it", "CREATE USER a PASSWORD 'wP9#kk2L'",
	    "credential=wP9#kk2L" },
	{ "by", "IDENTIFIED BY 'wP9#kk2L'", "credential=wP9#kk2L" },
	{ "identified by in prose", "identified by 'CVE-2024-1'", "" },
	{ "pass, the verb", "pass `allow_all=True` to it", "" },
	{ "in prose", "my password is Hill-9top, ok", "credential=Hill-9top" },
	{ "a sentence", "a password is case-sensitive and long", "" },
	{ "two classes", "the password is base64-encoded", "" },
	{ "an index", "password = data.db[\"password\"]", "" },
	{ "a sample's id", "AKIAIOSFODNN7EXAMPLE", "" },
	{ "by its last word", "become_pass: Hill-9top",
	    "credential=Hill-9top" },
	{ "by another word", "compass: Hill-9top", "" },
	{ "in a URL", "postgres://app:s3cr3tPw@db/x", "credential=s3cr3tPw" },
	{ "an option", "tool --token 8f3kd92mfu48dk2mzq91 x",
	    "credential=8f3kd92mfu48dk2mzq91" },
	{ "a header", "Authorization: Bearer 8f3kd92mfu48dk2mzq91",
	    "credential=8f3kd92mfu48dk2mzq91" },

	{ "a PEM key",
	    "x\n-----BEGIN OPENSSH "
	    "PRIVATE KEY-----\n" BODY "\n-----END OPENSSH PRIVATE KEY-----\ny",
	    "private-key=-----BEGIN OPENSSH PRIVATE KEY-----\n" BODY
	    "\n-----END OPENSSH PRIVATE KEY-----" },
	{ "cut off",
	    "-----BEGIN "
	    "PRIVATE KEY-----\\n" BODY "\\n",
	    "private-key=-----BEGIN PRIVATE KEY-----\\n" BODY },
	{ "only its name", "-----BEGIN PRIVATE KEY----- starts one", "" },
	{ "a public one",
	    "-----BEGIN PUBLIC KEY-----\n" BODY "\n-----END PUBLIC KEY-----",
	    "" },
};

static void
describe(
    const struct privacy_result *r, const char *text, char *ret, size_t max)
{
	size_t used = 0;

	*ret = '\0';
	for (size_t i = 0; i < r->n_findings && used < max; i++)
		used += (size_t)snprintf(ret + used, max - used, "%s%s=%.*s",
		    i > 0 ? ";" : "", privacy_type_name(r->findings[i].type),
		    (int)r->findings[i].length, text + r->findings[i].offset);
}

static void
test_what_is_found(void **state)
{
	_cleanup_(privacy_freep) struct privacy *p = NULL;
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m = NULL;
	struct error e;
	size_t wrong = 0;

	(void)state;
	assert_int_equal(privacy_parse(all, strlen(all), &p, &e), 0);
	assert_int_equal(privacy_compile(p, &m, &e), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct privacy_result r = { 0 };
		char found[1024];

		assert_int_equal(privacy_check(m, rows[i].text,
				     strlen(rows[i].text), &r, &e),
		    0);
		describe(&r, rows[i].text, found, sizeof(found));
		if (strcmp(found, rows[i].found) != 0) {
			print_error("%s: '%s' gave '%s'\n", rows[i].why,
			    rows[i].text, found);
			wrong++;
		}
		privacy_result_clear(&r);
	}
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

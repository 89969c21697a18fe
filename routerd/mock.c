/* SPDX-License-Identifier: Apache-2.0 */
/* mock.c - see mock.h. */
#include <string.h>

#include "common/buf.h"
#include "common/json/scan.h"
#include "routerd/mock.h"

#define TEXT "Hello from openshell/mock"
#define EVENT(name) "event: " name "\ndata: {\"type\":\"" name "\""

/* '@' is the model's name, as a JSON string. */
static const struct {
	enum protocol protocol;
	const char *whole;
	const char *stream; /* NULL: as whole */
} rows[] = {
	{ PROTOCOL_CHAT,
	    "{\"id\":\"mock-1\",\"object\":\"chat.completion\",\"created\":0,"
	    "\"model\":@,\"choices\":[{\"index\":0,\"message\":{\"role\":"
	    "\"assistant\",\"content\":\"" TEXT "\"},\"finish_reason\":"
	    "\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":"
	    "1,\"total_tokens\":2}}",
	    "data: {\"id\":\"mock-1\",\"object\":\"chat.completion.chunk\","
	    "\"created\":0,\"model\":@,\"choices\":[{\"index\":0,\"delta\":{"
	    "\"role\":\"assistant\",\"content\":\"" TEXT "\"},"
	    "\"finish_reason\":null}]}\n\n"
	    "data: {\"id\":\"mock-1\",\"object\":\"chat.completion.chunk\","
	    "\"created\":0,\"model\":@,\"choices\":[{\"index\":0,\"delta\":{},"
	    "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n" },
	{ PROTOCOL_COMPLETIONS,
	    "{\"id\":\"mock-1\",\"object\":\"text_completion\",\"created\":0,"
	    "\"model\":@,\"choices\":[{\"index\":0,\"text\":\"" TEXT "\","
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
	    "\"completion_tokens\":1,\"total_tokens\":2}}",
	    "data: {\"id\":\"mock-1\",\"object\":\"text_completion\","
	    "\"created\":0,\"model\":@,\"choices\":[{\"index\":0,\"text\":"
	    "\"" TEXT "\",\"finish_reason\":\"stop\"}]}\n\n"
	    "data: [DONE]\n\n" },
	{ PROTOCOL_RESPONSES,
	    "{\"id\":\"mock-1\",\"object\":\"response\",\"created_at\":0,"
	    "\"status\":\"completed\",\"model\":@,\"output\":[{\"id\":"
	    "\"mock-2\",\"type\":\"message\",\"status\":\"completed\",\"role\":"
	    "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":"
	    "\"" TEXT "\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":"
	    "1,\"output_tokens\":1,\"total_tokens\":2}}",
	    EVENT(
		"response.output_text.delta") ",\"item_id\":\"mock-2\","
					      "\"output_index\":0,\"content_"
					      "index\":0,\"delta\":\"" TEXT
					      "\"}\n\n" EVENT(
						  "response.completed") ",\"res"
									"ponse"
									"\":{"
									"\"id\""
									":"
									"\"mock"
									"-1\","
									"\"obje"
									"ct\":"
									"\"resp"
									"onse\""
									",\"sta"
									"tus\":"
									"\"comp"
									"leted"
									"\","
									"\"mode"
									"l\":@,"
									"\"outp"
									"ut\":["
									"]}}"
									"\n"
									"\n" },
	{ PROTOCOL_EMBEDDINGS,
	    "{\"object\":\"list\",\"model\":@,\"data\":[{\"object\":"
	    "\"embedding\",\"index\":0,\"embedding\":[0.0,1.0]}],\"usage\":{"
	    "\"prompt_tokens\":1,\"total_tokens\":1}}",
	    NULL },
	{ PROTOCOL_MODELS,
	    "{\"object\":\"list\",\"data\":[{\"id\":@,\"object\":\"model\","
	    "\"created\":0,\"owned_by\":\"openshell\"}]}",
	    NULL },
	{ PROTOCOL_MESSAGES,
	    "{\"id\":\"mock-1\",\"type\":\"message\",\"role\":\"assistant\","
	    "\"model\":@,\"content\":[{\"type\":\"text\",\"text\":\"" TEXT
	    "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
	    "\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}",
	    EVENT(
		"message_start") ",\"message\":{\"id\":\"mock-1\",\"type\":"
				 "\"message\",\"role\":\"assistant\",\"model\":"
				 "@,\"content\":[],"
				 "\"stop_reason\":null,\"stop_sequence\":null,"
				 "\"usage\":{"
				 "\"input_tokens\":1,\"output_tokens\":1}}}"
				 "\n\n" EVENT(
				     "content_block_start") ",\"index\":0,"
							    "\"content_block\":"
							    "{"
							    "\"type\":\"text\","
							    "\"text\":\"\"}}"
							    "\n\n" EVENT(
								"content_block_"
								"delta") ",\"in"
									 "dex\""
									 ":0,"
									 "\"del"
									 "ta\":"
									 "{\"ty"
									 "pe\":"
									 "\"tex"
									 "t_"
									 "delta"
									 "\","
									 "\"tex"
									 "t\":"
									 "\"" TEXT
									 "\"}}"
									 "\n"
									 "\n" EVENT("content_block_stop") ",\"index\":0}\n\n" EVENT(
									     "m"
									     "e"
									     "s"
									     "s"
									     "a"
									     "g"
									     "e"
									     "_"
									     "d"
									     "e"
									     "l"
									     "t"
									     "a") ",\"delta\":{\"stop_reason\":\"end_turn\","
										  "\"stop_sequence\":null},\"usage\":{\"output_tokens\":1}}\n\n" EVENT(
										      "message_stop") "}\n\n" },
	{ PROTOCOL_COUNT, "{\"input_tokens\":1}", NULL },
	{ PROTOCOL_INVOKE,
	    "{\"id\":\"mock-1\",\"type\":\"message\",\"role\":\"assistant\","
	    "\"model\":@,\"content\":[{\"type\":\"text\",\"text\":\"" TEXT
	    "\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,"
	    "\"output_tokens\":1}}",
	    NULL },
};

static void
put(struct buf *b, const char *form, const char *model)
{
	for (const char *at; (at = strchr(form, '@')) != NULL; form = at + 1) {
		(void)buf_append(b, form, (size_t)(at - form));
		(void)json_put_string(b, model, strlen(model));
	}
	(void)buf_puts(b, form);
}

void
mock_answer(enum protocol protocol, bool stream, const char *model,
    struct buf *ret, const char **type)
{
	size_t i = 0;

	/* What has no row of its own, a binary stream, is answered whole. */
	while (i < sizeof(rows) / sizeof(rows[0]) - 1 &&
	       rows[i].protocol != protocol)
		i++;
	stream = stream && rows[i].stream != NULL;
	*type = stream ? "text/event-stream" : "application/json";
	put(ret, stream ? rows[i].stream : rows[i].whole, model);
}

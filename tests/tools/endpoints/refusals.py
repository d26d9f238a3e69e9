"""What real servers say when they cannot do something, each with where it was seen."""

from typing import Any, NamedTuple


class Said(NamedTuple):
    """One server's words."""

    status: int
    words: str
    source: str


NO_TOOLS = (
    Said(400, "registry.ollama.ai/library/gemma:2b does not support tools", "ollama/ollama#5885"),
    Said(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "vllm#9209"),
    Said(404, "No endpoints found that support tool use. To learn more about provider routing, visit", "OpenRouter"),
    Said(500, "tools param requires --jinja flag", "ggml-org/llama.cpp, server"),
    Said(400, "Tool calling is not supported with this model", "Groq"),
    Said(400, "Unrecognized request argument supplied: tools", "Azure OpenAI, old deployments"),
    Said(422, "body.tools: Extra inputs are not permitted", "pydantic-based servers"),
)
NO_SCHEMA = (
    Said(400, "This response_format type is unavailable now", "DeepSeek"),
    Said(400, "This model does not support response format `json_schema`. See supported models", "Groq"),
    Said(
        400,
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        "OpenAI, gpt-4",
    ),
)
NO_RESPONSE_FORMAT = (
    Said(400, "response_format is not supported", "several"),
    Said(422, "Input should be 'text' for response_format", "older text-generation servers"),
    Said(400, "Unrecognized request argument supplied: response_format", "Azure OpenAI, old deployments"),
)
NO_SYSTEM = (
    Said(400, "System role not supported", "Gemma 2's chat template under vLLM"),
    Said(400, "Only user and assistant roles are supported!", "Mistral's chat template, withcatai/node-llama-cpp#263"),
    Said(400, "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "OpenAI, o1-mini"),
    Said(400, "Developer instruction is not enabled for models/gemma-3-27b-it", "Google, Gemma 3"),
)
ALTERNATING = (
    Said(400, "Conversation roles must alternate user/assistant/user/assistant/...", "microsoft/autogen#1037"),
    Said(
        400,
        "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...",
        "vllm-project/vllm#6862",
    ),
    Said(400, "Unexpected role 'user' after role 'tool'", "Mistral"),
)
SINGLE_CALLS = (Said(400, "This model only supports single tool-calls at once!", "vllm-project/vllm#12937"),)
WANTS_REASONING = (
    Said(400, "The reasoning_content in the thinking mode must be passed back to the API.", "QwenLM/qwen-code#3578"),
    Said(
        400,
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "earendil-works/pi#3636",
    ),
    Said(
        400,
        "Missing `reasoning_content` field in the assistant message at message index 2. For more information, please"
        " refer to the guide",
        "abhigyanpatwari/GitNexus#43",
    ),
)
WANTS_MAX_COMPLETION = (
    Said(
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "fish2018/YPrompt#26",
    ),
)
WANTS_MAX_TOKENS = (
    Said(400, "Unrecognized request argument supplied: max_completion_tokens", "Azure OpenAI, old deployments"),
    Said(422, "max_completion_tokens: Extra inputs are not permitted", "Mistral"),
)
NO_TEMPERATURE = (
    Said(
        400,
        "Unsupported value: 'temperature' does not support 0.16 with this model. Only the default (1) value is",
        "decolua/9router#560",
    ),
    Said(400, "`temperature` is deprecated for this model.", "Anthropic"),
)
NO_STREAM_USAGE = (Said(400, "Unknown parameter: 'stream_options'.", "several gateways"),)
NO_MARKS = (
    Said(
        400,
        "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string",
        "litellm#11273",
    ),
    Said(400, "messages.0.content.0.cache_control: Extra inputs are not permitted", "Groq"),
)
NO_NULL = (
    Said(400, "invalid message content type: <nil>", "ollama, before 0.5"),
    Said(400, "Invalid value for 'content': expected a string, got null.", "OpenAI"),
)
RESPONSES_ONLY = (
    Said(404, "This model is only supported in v1/responses and not in v1/chat/completions.", "OpenAI, gpt-5-codex"),
    Said(
        400,
        "Unsupported legacy protocol: /v1/chat/completions is not supported. Please use /v1/responses.",
        "Wei-Shaw/sub2api#885",
    ),
)

OVERFLOWS: tuple[tuple[Said, int | None], ...] = (
    (
        Said(
            400,
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please"
            " reduce the length of the messages.",
            "OpenAI",
        ),
        8192,
    ),
    (
        Said(
            400,
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the"
            " messages, 1000 in the completion).",
            "vLLM",
        ),
        4096,
    ),
    (Said(400, "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000", "litellm#18927"), 272000),
    (Said(400, "Your input exceeds the context window of this model", "lightdash/lightdash#21535"), None),
    (Said(400, "The input (40000 tokens) is longer than the model's context length (32768 tokens).", "litellm#10793"), 32768),
    (Said(400, "prompt is too long: 205000 tokens > 200000 maximum", "Anthropic, OpenHands/OpenHands#7024"), 200000),
    (Said(400, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", "litellm#21558"), 32768),
    (Said(400, "The total length of all messages is too long.", "litellm#21558"), None),
    (Said(400, "the request exceeds the available context size. try increasing the context size or enable context shift", "llama.cpp"), None),
    (Said(400, "the request exceeds the available context size (4096 tokens), try increasing it", "llama.cpp"), 4096),
    (Said(400, "litellm.BadRequestError: Context Window exceeded for given call.", "anomalyco/opencode#44889"), None),
    (Said(400, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length", "Anthropic"), 200000),
    (Said(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "Google"), 1048576),
    (Said(413, "Request too large for the model", "several"), None),
    (Said(422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000: the input is too long", "text-generation-inference"), 4096),
)  # fmt: skip
"""With the window that the words name."""

NOT_OVERFLOWS = (
    Said(400, "Unsupported parameter: 'max_tokens' is not supported with this model.", "OpenAI"),
    Said(413, "Request too large for model on tokens per minute (TPM): Limit 6000, Requested 9000", "Groq"),
    Said(401, "context window: wrong key", "made up"),
    Said(400, "the model `x` does not exist", "OpenAI"),
)

OTHER_TROUBLES = (
    Said(400, "Invalid parameter: messages with role 'tool' must be a response to a preceding message", "OpenAI"),
    Said(400, "'tool_call_id' of 'messages[3]' not found in 'tool_calls' of previous message", "OpenAI-like servers"),
    Said(400, "Access to this model is restricted in your region", "made up"),
    Said(400, "Your organization must be verified to use the model", "OpenAI"),
    Said(400, "The response was filtered due to the prompt triggering content management policy", "Azure OpenAI"),
    Said(404, "The model `x` does not exist or you do not have access to it", "OpenAI"),
    Said(401, "this model does not support tools, said somebody without a key", "made up"),
    Said(429, "temperature limit reached, system role not supported", "made up"),
)
"""Refusals that teach nothing about what the endpoint can do."""

LESSONS: tuple[tuple[tuple[Said, ...], dict[str, Any]], ...] = (
    (NO_TOOLS, {"tools": "text"}),
    (NO_SCHEMA, {"response_format": "json_object"}),
    (NO_RESPONSE_FORMAT, {"response_format": "none"}),
    (NO_SYSTEM, {"system": "user"}),
    (ALTERNATING, {"alternating": True}),
    (SINGLE_CALLS, {"parallel_calls": False}),
    (WANTS_REASONING, {"reasoning": "reasoning_content"}),
    (WANTS_MAX_COMPLETION, {"output_limit": "max_completion_tokens"}),
    (WANTS_MAX_TOKENS, {"output_limit": "max_tokens"}),
    (NO_TEMPERATURE, {"temperature": False}),
    (NO_STREAM_USAGE, {"stream_usage": False}),
    (NO_MARKS, {"cache_marks": False}),
    (NO_NULL, {"empty_content": "empty"}),
    (RESPONSES_ONLY, {"api": "responses"}),
)
"""What each teaches."""

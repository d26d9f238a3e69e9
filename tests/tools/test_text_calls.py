"""Tool calls in text: our own form there and back, the forms of others, and never an exception."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.chat import Message, ModelRequest, ToolCall, ToolSchema
from tools.model_text import call_text, in_text
from tools.text_calls import UNREADABLE, read_calls

TOOLS = (
    ToolSchema(
        name="bash",
        description="Runs a command.",
        parameters={
            "type": "object",
            "properties": {
                "command": {"type": "string"},
                "seconds": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            },
            "required": ["command"],
        },
    ),
    ToolSchema(
        name="create",
        description="Writes a file.",
        parameters={"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}},
    ),
)
LS = {"command": "ls"}

FORMS = {
    "our own": "<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>",
    "without the outer tag": "<function=bash>\n<parameter=command>ls</parameter>\n</function>",
    "never closed": "<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>",
    "JSON in tags": '<tool_call>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_call>',
    "JSON in a tag never closed": '<tool_call>{"name": "bash", "arguments": {"command": "ls"}}',
    "ollama/ollama#18357": '<tool_call>\n{"name": "bash", "args": {"command": "ls"}}\n</tool_call>',
    "fenced": '```json\n{"name": "bash", "parameters": {"command": "ls"}}\n```',
    "fenced as a tool": '```tool_call\n{"tool": "bash", "input": {"command": "ls"}}\n```',
    "bare": '{"name": "bash", "arguments": {"command": "ls"}}',
    "arguments as text": '{"name": "bash", "arguments": "{\\"command\\": \\"ls\\"}"}',
    "OpenAI's own form as text": '{"type": "function", "function": {"name": "bash", "arguments": {"command": "ls"}}}',
    "flat": '<tool_call>{"name": "bash", "command": "ls"}</tool_call>',
    "a Python dictionary": "<tool_call>{'name': 'bash', 'arguments': {'command': 'ls'}}</tool_call>",
    "Anthropic's": '<function_calls>\n<invoke name="bash">\n<parameter name="command">ls</parameter>\n</invoke>\n</function_calls>',
    "Llama 3": '<function=bash>{"command": "ls"}</function>',
    "Llama 3.1": '<|python_tag|>{"name": "bash", "parameters": {"command": "ls"}}<|eom_id|>',
    "Mistral": '[TOOL_CALLS][{"name": "bash", "arguments": {"command": "ls"}}]',
    "Mistral, newer": '[TOOL_CALLS]bash[ARGS]{"command": "ls"}',
    "DeepSeek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>bash\n```json\n"
    '{"command": "ls"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "DeepSeek, newer": '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>bash<｜tool▁sep｜>{"command": "ls"}<｜tool▁call▁end｜>'
    "<｜tool▁calls▁end｜>",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_call_is_read_in_each_form(form: str) -> None:
    found = read_calls(form, TOOLS, "t")
    assert [(call.name, json.loads(call.arguments)) for call in found.calls] == [("bash", LS)]
    assert found.text is None


@pytest.mark.parametrize("form", [form for name, form in FORMS.items() if "bare" not in name and "text" not in name])
def test_words_around_a_call_stay(form: str) -> None:
    if "never" in form or not form.rstrip().endswith((">", "```", "]")):
        form = f"{form}\n"
    found = read_calls(f"I look first.\n\n{form}", TOOLS, "t")
    assert [call.name for call in found.calls] == ["bash"]
    assert found.text == "I look first."


def test_several_calls_keep_their_order_and_have_ids_of_their_own() -> None:
    text = "\n".join(call_text(ToolCall(id="", name="bash", arguments=json.dumps({"command": c}))) for c in "abc")
    calls = read_calls(text, TOOLS, "t").calls
    assert [json.loads(call.arguments)["command"] for call in calls] == ["a", "b", "c"]
    assert len({call.id for call in calls}) == 3
    assert all(len(call.id) == 9 and call.id.isalnum() for call in calls), "as Mistral's servers demand"
    other = read_calls(text, TOOLS, "another turn").calls
    assert not {call.id for call in calls} & {call.id for call in other}
    two = '{"name": "bash", "arguments": {"command": "a"}}\n{"name": "bash", "arguments": {"command": "b"}}'
    assert len(read_calls(two, TOOLS, "t").calls) == 2


def test_numbers_are_json_and_text_stays_text() -> None:
    text = "<function=bash><parameter=command>\n42\n</parameter><parameter=seconds>\n42\n</parameter></function>"
    (call,) = read_calls(text, TOOLS, "t").calls
    assert json.loads(call.arguments) == {"command": "42", "seconds": 42}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('<tool_call>{"name": "bash", "arguments": {"command": "ls</tool_call>', "bash"),
        ("<tool_call>run ls please</tool_call>", UNREADABLE),
        ("<function=create><parameter=path>a.py</parameter><parameter=content>half a fi", "create"),
    ],
)
def test_what_cannot_be_read_becomes_a_call_that_fails_and_never_half_a_file(text: str, name: str) -> None:
    (call,) = read_calls(text, TOOLS, "t").calls
    assert call.name == name
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra data|Invalid"):
        json.loads(call.arguments)


@pytest.mark.parametrize(
    "text",
    [
        "Just words.",
        '```json\n{"name": "somebody", "arguments": {}}\n```',
        '{"name": "a package", "version": "1"}',
        "```python\nprint({'name': 'x'})\n```",
        'The tool_call was fine: {"name": "bash"} is what I would send.',
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert read_calls(text, TOOLS, "t") == (text, ())


values = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ["</parameter>", "</function>\n</tool_call>", "<function=bash>", "\n", "\r\n", "a\n", '{"a": 1}', "[1]", "x\n\n"]
)


@given(st.lists(st.fixed_dictionaries({"path": values, "content": values}), min_size=1, max_size=3))
@example([{"path": "a</parameter>\n<parameter=content>b", "content": "</function></tool_call>"}])
@example([{"path": "\r", "content": "\n\n"}])
def test_what_we_write_is_read_back_as_it_was(calls: list[dict[str, str]]) -> None:
    text = "\n\n".join(call_text(ToolCall(id="", name="create", arguments=json.dumps(call))) for call in calls)
    assert [json.loads(call.arguments) for call in read_calls(text, TOOLS, "t").calls] == calls


pieces = st.sampled_from(
    [
        "<tool_call>",
        "</tool_call>",
        "<function=bash>",
        "</function>",
        "<parameter=command>",
        "</parameter>",
        "```json\n",
    ]
    + [
        '{"name": "bash"',
        ', "arguments": {}}',
        "[TOOL_CALLS]",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁call▁end｜>",
        "ls",
        "\n",
        "[",
    ]
    + ["<|python_tag|>", "}", '<invoke name="bash">', "</invoke>", "```", "'", '"']
)


@given(st.lists(pieces | st.text(max_size=4), max_size=25).map("".join))
@example("[" * 5000)
@example("<tool_call>" + "[" * 100_000)
@example("{'a':" * 500)
def test_nothing_that_a_model_writes_is_an_error(text: str) -> None:
    found = read_calls(text, TOOLS, "t")
    assert all(call.name for call in found.calls)
    assert found.text is None or found.text.strip() == found.text or not found.calls


def test_the_history_is_said_in_the_same_form() -> None:
    calls = (ToolCall(id="a", name="bash", arguments='{"command": "ls"}'), ToolCall(id="b", name="bash", arguments="{"))
    messages = (
        Message(role="system", content="You code."),
        Message(role="user", content="Begin."),
        Message(role="assistant", content="I look.", tool_calls=calls),
        Message(role="tool", content="Verdict: exit 0\na.py", tool_call_id="a"),
        Message(role="tool", content="Verdict: error: not JSON", tool_call_id="b"),
        Message(role="user", content="Go on."),
    )
    request = in_text(ModelRequest(turn="t", model="m", messages=messages, tools=TOOLS))
    assert request.tools == ()
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "user"]
    told, _, said, heard = (message.content or "" for message in request.messages)
    assert told.startswith("You code.\n\n# Tools")
    assert '`command`: {"type": "string"}' in told
    assert [json.loads(c.arguments) for c in read_calls(said, TOOLS, "t").calls[:1]] == [LS]
    assert 'name="bash">\nVerdict: exit 0\na.py\n</tool_result>' in heard
    assert heard.endswith("Go on.")
    assert all(not message.tool_calls and message.tool_call_id is None for message in request.messages)

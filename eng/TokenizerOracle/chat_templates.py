"""Records what Jinja itself makes of chat templates and of every feature they use, under the settings of transformers:
sandboxed, trim_blocks, lstrip_blocks, loop controls, its tojson.  usage: chat_templates.py OUTPUT.json  (needs jinja2)"""
import json
import sys

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_write"), [], [], body).set_lineno(line)

    def _write(self, caller):
        return caller()


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"])
env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
    x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
env.globals["raise_exception"] = refuse

CHATS = {
    "chatml": """{% for message in messages %}
{%- if loop.first and message.role != 'system' %}{{ '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}{% endif %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\\n' }}
{% endif %}""",
    "bracketed": """{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- if message['role'] == 'user' %}
        {%- if loop.first and system_message is defined %}
            {{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}
        {%- else %}
            {{- ' [INST] ' + message['content'] + ' [/INST]' }}
        {%- endif %}
    {%- elif message['role'] == 'assistant' %}
        {% generation %}{{- ' ' + message['content'] | trim + eos_token}}{% endgeneration %}
    {%- else %}
        {{- raise_exception('Only user and assistant roles are supported, not ' ~ message.role) }}
    {%- endif %}
{%- endfor %}
""",
    "headers": """{% set ns = namespace(found=false, count=0) %}
{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' %}
{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}
{% set ns.count = ns.count + 1 %}{% if message.role == 'user' %}{% set ns.found = true %}{% endif %}
{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
{# how many #}{{ ns.count }}/{{ ns.found }}""",
    "turns": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0].content ~ '\\n\\n' %}{% set messages = messages[1:] %}{% else %}{% set first = '' %}{% endif %}
{% for m in messages %}{% if (m['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}
{{ '<start_of_turn>' + role + '\\n' + (first if loop.first else '') + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}""",
    "tools": """{%- macro render(call, indent=2) -%}
{"name": {{ call.name | tojson }}, "arguments": {{ call.arguments | tojson(indent=indent) }}}
{%- endmacro -%}
{%- if tools %}
{{- "<tools>" }}
    {%- for tool in tools %}
{{- "\\n" ~ (tool | tojson) }}
    {%- endfor %}
{{- "\\n</tools>\\n" }}
{%- endif %}
{%- for message in messages %}
    {%- if message.tool_calls is defined and message.tool_calls %}
        {%- for call in message.tool_calls %}
            {%- if call.function is defined %}{% set call = call.function %}{% endif %}
{{ render(call) }}{{ render(call, indent=none) }}
        {%- endfor %}
    {%- elif message.role == 'tool' %}
        {%- if loop.previtem is undefined or loop.previtem.role != 'tool' %}<result>{% endif %}
{{- message.content }}
        {%- if loop.last or loop.nextitem.role != 'tool' %}</result>{% endif %}
    {%- else %}
[{{ message.role | upper }}] {{ message.content if message.content is string else message.content | map(attribute='text') | join(' ') }}
    {%- endif %}
{%- endfor %}""",
    "reversed": """{% for message in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}{% if message.role == 'user' and not done %}{{ index }}:{{ message.content }};{% set done = true %}{% endif %}{% endfor %}
{% for role, group in [('user', messages | selectattr('role', 'equalto', 'user') | list), ('rest', messages | rejectattr('role', 'equalto', 'user') | list)] %}{{ role }}={{ group | length }} {% endfor %}
{% for m in messages if m.role != 'system' %}{{ loop.index }}/{{ loop.length }} {% else %}none{% endfor %}
{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{% if loop.index > 3 %}{% break %}{% endif %}{{ m.content[:3] }}|{% endfor %}""",
    "thinking": """{% for message in messages %}{% if message.role == 'assistant' %}{% set content = message.content %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}{{ '<a>' + content + '</a>' }}{% else %}{{ '<' ~ message.role[0] ~ '>' ~ message.content.strip().replace('\\n', ' ') }}{% endif %}{% endfor %}""",
}
MESSAGES = {
    "plain": [{"role": "user", "content": "Hello  "}, {"role": "assistant", "content": " Hi there\n"}, {"role": "user", "content": "How're \"you\"?\nFine"}],
    "system": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "naïve 中文 😀"}],
    "thinking": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>sum</think>\n\n4"}, {"role": "user", "content": "3+3?"}],
    "tools": [{"role": "user", "content": "weather"}, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "get", "arguments": {"city": "Köln", "days": [1, 2.5, True, None], "o": {}}}}, {"name": "x", "arguments": {}}]},
              {"role": "tool", "content": "sun"}, {"role": "tool", "content": "rain"}, {"role": "assistant", "content": "ok"}],
    "wrong": [{"role": "assistant", "content": "me first"}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    "none": [],
}
SNIPPETS = r"""
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7 % 4 }} {{ 1.5 + 1 }} {{ 10 / 4 }} {{ 1e3 if false else 3 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'b'] }} {{ 'ab' * 3 }} {{ [1] + [2, 'x'] }} {{ 'it''s' }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' == none }} {{ [1,2] == [1,2] }} {{ {'a':1} == {'a':1} }} {{ 1 != 2 }}
{{ not true or false and missing }} {{ missing or 'default' }} {{ '' or [] or 0 or none }} {{ 1 and 'x' }}
{{ 'x' in 'xyz' }} {{ 'q' not in 'xyz' }} {{ 1 in [1,2] }} {{ 'a' in {'a': 1} }} {{ 3 not in [1] }} {{ 'a' in missing }}
{{ missing is defined }} {{ messages is defined }} {{ missing is undefined }} {{ none is none }} {{ 1 is number }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ 'a' is iterable }} {{ true is boolean }} {{ 1 is integer }} {{ 1.0 is float }} {{ true is true }} {{ false is false }} {{ 3 is odd }} {{ 4 is even }} {{ 6 is divisibleby 3 }} {{ 'a' is in ['a'] }} {{ 1 is not none }} {{ 1 is eq 1 }} {{ 2 is gt 1 }} {{ 'a' is not string }} {{ messages is not mapping }}
{{ 'hello'[1] }} {{ 'hello'[-1] }} {{ 'hello'[1:3] }} {{ 'hello'[::-1] }} {{ [1,2,3,4,5][::2] }} {{ [1,2,3][-2:] }} {{ [1,2,3][:-1] }} {{ [1,2,3][5:] }} {{ 'hello'[3:0:-1] }} {{ 'a😀b'[1] }} {{ 'a😀b' | length }}
{{ {'a': {'b': [10, 20]}}.a.b[1] }} {{ {'a': 1}['a'] }} {{ {'a': 1}.get('b', 5) }} {{ {'a': 1}.get('b') }} {{ {'a': 1, 'b': 2}.keys() | list }} {{ {'a': 1}.values() | list }} {{ {'a': 1, 'b': 'x'}.items() | list }} {{ {'items': 3}['items'] }} {{ [[1, 2]][0].1 }}
{% for k, v in {'x': 1, 'y': [2]}.items() %}{{ k }}={{ v }}{{ ', ' if not loop.last }}{% endfor %} {% for k in {'x': 1} %}{{ k }}{% endfor %} {% for c in 'ab' %}{{ c }}-{% endfor %} {% for x in [] %}x{% else %}empty{% endfor %} {% for x in missing %}x{% else %}missing{% endfor %}
{% for x in range(3) %}{{ x }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.cycle('a', 'b') }} {% endfor %}{{ range(5, 0, -2) | list }}{{ range(2, 4) | list }}
{{ '  a b ' | trim }}| {{ 'xxaxx' | trim('x') }} {{ ' a '.strip() }}| {{ 'xay'.strip('xy') }} {{ ' a'.lstrip() }} {{ 'a '.rstrip() }}| {{ '\n\ta\n'.strip('\n') }}|
{{ 'a,b,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a b c d'.split(none, 2) }} {{ 'x'.split('y') }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a\nb\n'.splitlines() }} {{ 'k=v'.partition('=') }}
{{ 'Hello'.upper() }} {{ 'Hello'.lower() }} {{ 'hello world'.title() }} {{ 'hELLO'.capitalize() }} {{ 'hello wORLD' | title }} {{ 'hELLO' | capitalize }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'bc')) }} {{ 'abab'.replace('a', 'x') }} {{ 'abab'.replace('a', 'x', 1) }} {{ 'abc'.find('c') }} {{ 'abc'.find('q') }} {{ 'abcabc'.rfind('c') }} {{ 'aXbX'.count('X') }} {{ '-'.join(['a', 'b']) }} {{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ 'pre-x'.removeprefix('pre-') }}
{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ [3, 1, 2] | sort(reverse=true) }} {{ [{'n': 2}, {'n': 1}] | sort(attribute='n') }} {{ [1, 2, 3] | first }} {{ [1, 2, 3] | last }} {{ [1, 2] | length }} {{ {'a': 1} | count }} {{ [1, 2, 3] | sum }} {{ [1.5, 2] | sum }} {{ [1, 3, 2] | max }} {{ [1, 3, 2] | min }} {{ [1, 1, 2] | unique | list }} {{ [1, 2] | reverse | list }} {{ 'abc' | reverse }} {{ [1, 2] | join('-') }} {{ [{'a': 1}, {'a': 2}] | join(',', attribute='a') }} {{ [] | first is defined }}
{{ [1, 2, 3, 4] | select('odd') | list }} {{ [1, 2, 3, 4] | reject('gt', 2) | list }} {{ ['a', none, ''] | select | list }} {{ [{'a': 1}, {'a': 2}, {}] | selectattr('a', 'defined') | list }} {{ [{'a': 1}, {'b': 2}] | map(attribute='a', default='-') | list }} {{ ['a', 'b'] | map('upper') | list }} {{ [' a '] | map('trim') | join }} {{ [{'a': 'x'}] | selectattr('a') | list }} {{ [{'a': {'b': 1}}] | map(attribute='a.b') | list }}
{{ missing | default('d') }} {{ none | default('d') }} {{ none | default('d', true) }} {{ '' | d('e', boolean=true) }} {{ '5' | int + 1 }} {{ 'x' | int(7) }} {{ '2.7' | int }} {{ '1.5' | float }} {{ 3.7 | int }} {{ -3 | abs }} {{ 2.567 | round(2) }} {{ 5 | string + 'x' }} {{ 42 | float }}
{{ {'b': [1, 2.0, none, true], 'a': 'é"\\\n'} | tojson }} {{ [] | tojson }} {{ {} | tojson(indent=2) }} {{ 'x' | tojson }} {{ {'a': [1, {'b': 2}]} | tojson(indent=4) }} {{ 1.5e10 | tojson }} {{ 0.1 | tojson }} {{ 1e100 | tojson }} {{ 1e-7 | tojson }}
{{ [1.0, 'it\'s', "q\"", none, {'k': (1, 2)}] | string }} {{ 1.0 }} {{ 100000000000000000000.0 }} {{ 0.00001 }} {{ 1e16 }} {{ 123456789.123 }}
{{ 'a\nb\n\nc' | indent }}| {{ 'a\nb' | indent(2, true) }} {{ '<a href="x">' | e }} {{ {'b': 1, 'A': 2} | dictsort }} {{ {'a': 1} | items | list }}
{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }} {% if true %}{% set x = 9 %}{% endif %}{{ x }} {% set a, b = 1, 'two' %}{{ a }}{{ b }} {% set t %}<{{ a }}>{% endset %}{{ t }}{{ t | length }}
{% set ns = namespace(a=1) %}{% for i in range(3) %}{% set ns.a = ns.a + i %}{% set ns.b = i %}{% endfor %}{{ ns.a }} {{ ns.b }} {% set ns2 = namespace({'q': 5}, r=6) %}{{ ns2.q + ns2.r }} {{ dict(a=1, b='x').b }}
{% macro m(a, b='B', c=none) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m('x', 'y', 'z') }}{{ m() }} {% macro rec(n) %}{{ n }}{% if n > 0 %}{{ rec(n - 1) }}{% endif %}{% endmacro %}{{ rec(3) }}
{% raw %}{{ not }} {% this %}{% endraw %} {# comment {{ x }} #}after {% filter upper %}loud {{ 'x' }}{% endfilter %}
{{ 'yes' if 1 }} {{ 'yes' if 0 }} {{ 'a' if false else 'b' if false else 'c' }} {{ (1, 2) | length }} {{ () | length }} {{ (1,) | length }} {{ [1, 2,] | length }} {{ {'a': 1,} | length }}
a  {% if true %}  b  {% endif %}  c {%- if true -%}  d  {%- endif -%}  e {%+ if true +%} f {% endif %}
line1\n    {% if true %}\n    indented\n    {% endif %}\nline2\n  {# note #}\nline3 {# same #}\nline4\n  {{ 'x' }}\n\n  {%- set q = 1 %}\n\nlast\n
x{% for i in [1,2] %}\n{{ i }}\n{% endfor %}y
{{- ' a' }}  {{- 'b' -}}  {{ 'c' }}\n\n{{- 'd' }}
{{ messages | map(attribute='role') | list }} {{ messages[0].role }} {{ messages[-1]['content'] }} {{ messages | length > 1 }}
{{ missing }}|{{ messages[99] }}|{{ {'a': 1}.b }}|{{ {'a': 1}['b'] is defined }}|{{ none }}|{{ true }}|{{ [] }}|{{ {} }}
{% if messages and messages[0].role == 'user' %}u{% elif messages %}e{% else %}n{% endif %}
{{ -1 | abs }} {{ - 2 + 5 }} {{ +3 }} {{ not 1 == 2 }} {{ 2 * 3 ~ 'x' }} {{ 1 ~ 2 + 3 }} {{ 'a' | upper ~ 'b' }} {{ 'A' ~ 'b' | upper }} {{ 1 if 2 > 1 and not false else 0 }}
{% for a, b in [[1, 2], (3, 4)] %}{{ a + b }} {% endfor %}{% for i in [1, 2, 3] if i is odd %}{{ loop.index }}:{{ i }} {% endfor %}
{% for i in [1, 2] %}{% for j in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}
{{ 'x'.foo }}|{{ [1].foo }}|{{ {'a': none}.a is none }}|{{ 'abc' | first }}{{ 'abc' | last }}|{{ 'abc' | list }}|{{ 'b' < 'B' }}
{% set l = [1, 2] %}{% set l = l + [3] %}{{ l }} {{ l[1:] + l[:1] }} {{ [0] * 2 if false else 'no' }}
{{ 1_000 }} {{ 0.5 }} {{ 1e3 }} {{ 1.5e-3 }}
"""
ERRORS = ["{% if %}", "{{ 1 + }}", "{% for x in [1] %}", "{{ 'a }}", "{% endif %}", "{{ missing.x }}", "{{ missing() }}", "{{ 1 + 'a' }}", "{{ [1].append(2) }}", "{{ raise_exception('no') }}", "{{ 'a' | nofilter }}",
          "{{ 1 is notest }}", "{{ 1 / 0 }}", "{% include 'x' %}", "{% import 'x' as y %}", "{{ {}.nothing.x }}", "{% for x in 5 %}{% endfor %}", "{{ range(10000000) | list }}", "{% break %}", "{{ (1 }}", "{{ 'a' < 1 }}"]


def run(name, template, variables):
    case = {"name": name, "template": template, "variables": variables}
    try:
        case["expected"] = env.from_string(template).render(**variables)
    except Exception as e:
        case["error"] = type(e).__name__
    return case


cases = []
for chat, template in CHATS.items():
    for kind, messages in MESSAGES.items():
        for prompt in (False, True):
            variables = {"messages": messages, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>"}
            if kind == "tools":
                variables["tools"] = [{"type": "function", "function": {"name": "get", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
            cases.append(run(f"{chat} {kind} {prompt}", template, variables))
for number, line in enumerate(SNIPPETS.strip().split("\n")):
    cases.append(run(f"snippet {number}", line.replace("\\n", "\n") if "line1" in line or "{% for i in [1,2] %}" in line or "{{- ' a' }}" in line else line, {"messages": MESSAGES["plain"]}))
for template in ERRORS:
    cases.append(run(f"error {template}", template, {"messages": MESSAGES["plain"]}))
json.dump(cases, open(sys.argv[1], "w", encoding="utf8"), ensure_ascii=False, indent=0)
print(len(cases), "cases,", sum("error" in c for c in cases), "of them errors")

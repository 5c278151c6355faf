"""How pages look: light and dark, on a screen, on a telephone and on paper; all colours are variables.

Dark and narrow are for screens alone: paper is light. Text has a contrast of 4.5 or more in both.
"""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2430; --soft: #5d6675; --line: #dfe2e8; --faint: #eef0f4;
  --one: #2456c4; --two: #b24d08; --three: #0f7a5a; --rest: #9aa3b2; --bad: #c0203a; --good: #0f7a5a;
  --waits: #8a6100; --waits-wash: #b07d0026;
  --one-wash: #2456c41f; --two-wash: #b24d081f; --good-wash: #0f7a5a14; --bad-wash: #c0203a14;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #12161d; --card: #1a2029; --ink: #e8ebf1; --soft: #9aa4b5; --line: #2e3644; --faint: #232a35;
    --one: #7fa6ff; --two: #ff9d57; --three: #4cc9a0; --rest: #677184; --bad: #ff6b81; --good: #4cc9a0;
    --waits: #e8bf5a; --waits-wash: #e8bf5a24;
    --one-wash: #7fa6ff26; --two-wash: #ff9d5726; --good-wash: #4cc9a01a; --bad-wash: #ff6b811f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
h1 { font-size: 2.3rem; line-height: 1.15; letter-spacing: -0.02em; margin: 1rem 0 0.8rem; text-wrap: balance; }
h2 { font-size: 1.4rem; letter-spacing: -0.01em; margin: 3.2rem 0 0.3rem; }
h3 { font-size: 1.05rem; margin: 1.9rem 0 0.1rem; }
p { margin: 0.2rem 0 0.9rem; max-width: 46rem; }
.lead { font-size: 1.12rem; color: var(--soft); }
.soft { color: var(--soft); }
.good { color: var(--good); }
.bad, .broken { color: var(--bad); }
.waits { color: var(--waits); }
.verdict {
  display: inline-flex; gap: 0.5em; align-items: center; padding: 0.25rem 0.9rem; border-radius: 2rem;
  font-weight: 600; font-size: 0.95rem;
}
.verdict.held { color: var(--good); background: var(--good-wash); }
.verdict.waiting { color: var(--waits); background: var(--waits-wash); }
.verdict.broken { color: var(--bad); background: var(--bad-wash); }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.1rem 1.3rem;
  margin: 0.9rem 0; overflow-x: auto;
}
.card h3:first-child { margin-top: 0; }
.facts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0.8rem; margin: 1.6rem 0 1rem;
}
.facts div { border-top: 3px solid var(--line); padding-top: 0.5rem; }
.facts b { display: block; font-size: 1.55rem; letter-spacing: -0.02em; line-height: 1.2; }
.facts span { color: var(--soft); font-size: 0.9rem; }
svg { display: block; }
svg text { fill: var(--ink); font: 14px system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
svg text.soft { fill: var(--soft); font-size: 12.5px; }
svg text.strong { font-weight: 650; }
svg .one { fill: var(--one); }
svg .two { fill: var(--two); }
svg .three { fill: var(--three); }
svg .rest { fill: var(--rest); }
svg .bad { fill: var(--bad); }
svg .good { fill: var(--good); }
svg .waits { fill: var(--waits); }
.chart { overflow: visible; margin: 0.4rem 0 0.6rem; }
.chart .grid { stroke: var(--line); }
.chart .line { fill: none; stroke: var(--one); stroke-width: 2.5; }
.legend {
  display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; list-style: none; margin: 0.5rem 0; padding: 0; font-size: 0.9rem;
}
.legend li { display: flex; align-items: center; gap: 0.45rem; }
.steps li { margin: 0.35rem 0; max-width: 46rem; }
.card > li { margin-left: 1.1rem; }
ul.card, ol.card { padding-left: 1.3rem; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem 2.6rem; align-items: start; }
svg text.mid { text-anchor: middle; }
table { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; vertical-align: middle; padding: 0.55rem 0.8rem 0.55rem 0; }
thead th { color: var(--soft); font-weight: 400; font-size: 0.85rem; padding-top: 0; }
tbody tr { border-top: 1px solid var(--faint); }
tbody th { font-weight: 400; line-height: 1.35; }
.cards td, .cards tbody th { vertical-align: top; }
.cards .number { text-align: right; font-variant-numeric: tabular-nums; }
.cards .number:not(:last-child) { padding-right: 1.8rem; }
.cards .path { overflow-wrap: anywhere; }
.cards .word { white-space: nowrap; }
footer {
  margin-top: 3rem; color: var(--soft); font-size: 0.9rem; border-top: 1px solid var(--line); padding-top: 1rem;
}
code {
  overflow-wrap: anywhere; font-size: 0.92em;
  font-family: ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace;
}
@media screen and (max-width: 760px) {
  main { padding: 1.6rem 1rem 3rem; }
  h1 { font-size: 1.7rem; }
  .beside { grid-template-columns: minmax(0, 1fr); }
  .cards thead { display: block; position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards, .cards tbody, .cards tr, .cards tbody th, .cards td { display: block; }
  .cards tr { padding: 0.6rem 0; }
  .cards tbody th, .cards td { padding: 0.05rem 0; }
  .cards tbody th { font-weight: 600; }
  .cards tbody th.number, .cards td.number { text-align: left; }
  .cards td:empty { display: none; }
  .cards td:not(.plain)::before { content: attr(data-head) ": "; color: var(--soft); }
  .cards td:not(.plain):lang(fr)::before { content: attr(data-head) "\\a0: "; }
}
@media print {
  :root { font-size: 11px; }
  body { background: #fff; font-size: 1rem; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 2rem; }
  h2, h3, h2 + p, h3 + p { break-after: avoid; }
  .card { overflow: visible; padding: 0.8rem 1rem; }
  tr, .chart, .facts, .legend { break-inside: avoid; }
  th, td { padding-top: 0.3rem; padding-bottom: 0.3rem; }
  svg text, svg text.soft { font-size: 10px; }
  svg * { print-color-adjust: exact; }
}
"""

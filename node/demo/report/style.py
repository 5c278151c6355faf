"""How the page looks: light and dark, on a screen, on a telephone and on paper; all colours are variables."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2430; --soft: #5d6675; --line: #dfe2e8; --faint: #eef0f4;
  --fr: #2456c4; --nl: #c4570c; --hoster: #0f7a5a; --bad: #c0203a; --good: #0f7a5a;
  --waits: #8a6100; --waits-wash: #b07d0026;
  --fr-wash: #2456c41f; --nl-wash: #c4570c1f; --good-wash: #0f7a5a14; --bad-wash: #c0203a14;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161d; --card: #1a2029; --ink: #e8ebf1; --soft: #9aa4b5; --line: #2e3644; --faint: #232a35;
    --fr: #7fa6ff; --nl: #ff9d57; --hoster: #4cc9a0; --bad: #ff6b81; --good: #4cc9a0;
    --waits: #e8bf5a; --waits-wash: #e8bf5a24;
    --fr-wash: #7fa6ff26; --nl-wash: #ff9d5726; --good-wash: #4cc9a01a; --bad-wash: #ff6b811f;
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
.verdict {
  display: inline-flex; gap: 0.5em; align-items: center; padding: 0.25rem 0.9rem; border-radius: 2rem;
  font-weight: 600; font-size: 0.95rem;
}
.verdict.held { color: var(--good); background: var(--good-wash); }
.verdict.broken { color: var(--bad); background: var(--bad-wash); }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.1rem 1.3rem;
  margin: 0.9rem 0; overflow-x: auto;
}
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0.8rem; margin: 1.6rem 0 0; }
.facts div { border-top: 3px solid var(--line); padding-top: 0.5rem; }
.facts b { display: block; font-size: 1.55rem; letter-spacing: -0.02em; line-height: 1.2; }
.facts span { color: var(--soft); font-size: 0.9rem; }
svg { display: block; }
svg text { fill: var(--ink); font: 14px system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
svg text.soft { fill: var(--soft); font-size: 12.5px; }
svg text.strong { font-weight: 650; }
svg text.big { font-size: 24px; font-weight: 650; letter-spacing: -0.02em; }
svg text.end { text-anchor: end; }
svg text.mid { text-anchor: middle; }
.picture { width: 100%; height: auto; }
.circles { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 2.6rem; align-items: center; }
.circles p { margin: 0; padding-bottom: 0.4rem; border-bottom: 1px solid var(--line); font-size: 0.9rem; }
.told { list-style: none; margin: 0; padding: 0; counter-reset: file; }
.told li { counter-increment: file; position: relative; padding: 0.75rem 0 0 2.3rem; line-height: 1.3; }
.told li::before { content: counter(file); position: absolute; left: 0; top: 0.95rem; }
.told b { display: block; }
.told li::before, .views .number {
  min-width: 1.55rem; border-radius: 1rem; text-align: center; font-size: 0.8rem; font-weight: 650;
  line-height: 1.55rem; background: var(--ink); color: var(--card);
}
.good { color: var(--good); }
.bad { color: var(--bad); }
.fr { --party: var(--fr); }
.nl { --party: var(--nl); }
.hoster { --party: var(--hoster); }
.trouble { --party: var(--bad); }
svg text.party { fill: var(--party); }
.steps { display: grid; grid-template-columns: 216px minmax(0, 1fr) 92px 112px; column-gap: 1rem; }
.steps > * { min-height: 3.1rem; padding: 0.5rem 0; border-bottom: 1px solid var(--faint); }
.steps > .lanes { padding: 0; border-bottom: 0; position: relative; }
.steps > .head { min-height: 0; color: var(--soft); font-size: 0.8rem; padding: 0.3rem 0; align-self: end; }
.lanes > svg { width: 100%; height: 100%; overflow: visible; }
.lanes:not(.head) > svg { position: absolute; inset: 0; }
.lane { stroke: var(--line); stroke-width: 2; }
.act { fill: var(--party); stroke: var(--card); stroke-width: 3; }
.wire { stroke: var(--party); stroke-width: 2; }
.tip { fill: var(--party); }
.what b { color: var(--party); font-weight: 650; }
.what code {
  display: block; color: var(--soft); font: 0.76rem/1.45 ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere;
}
.what .note { color: var(--soft); }
.what .refused { color: var(--bad); font-weight: 600; }
.amount { font-size: 0.82rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.amount svg { width: 100%; height: 7px; margin-top: 0.35rem; }
.bar { fill: var(--party); opacity: 0.85; }
.rail { fill: var(--faint); }
.claims { list-style: none; margin: 0; padding: 0; }
.claims li {
  display: grid; grid-template-columns: 1.9rem minmax(0, 1fr); padding: 0.65rem 0;
  border-bottom: 1px solid var(--faint);
}
.claims li:last-child { border-bottom: 0; }
.claims svg { width: 1.2rem; height: 1.2rem; margin-top: 0.2rem; }
.claims code { color: var(--soft); font-size: 0.78rem; }
.claims .detail { display: block; color: var(--soft); font-size: 0.88rem; overflow-wrap: anywhere; }
.broken { color: var(--bad); }
table { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; vertical-align: middle; padding: 0.55rem 0.8rem 0.55rem 0; }
thead th { color: var(--soft); font-weight: 400; font-size: 0.85rem; padding-top: 0; }
thead th[class] { color: var(--party); font-weight: 650; }
tbody tr { border-top: 1px solid var(--faint); }
tbody th { font-weight: 400; line-height: 1.35; }
.who { display: none; color: var(--party); font-size: 0.78rem; font-weight: 650; }
.sights thead th[class] { text-align: center; width: 11%; }
.sights td { text-align: center; color: var(--soft); font-size: 0.82rem; line-height: 1.35; }
.sights td svg { margin: 0 auto 0.15rem; }
.sights b { display: block; font-weight: 650; }
.sights .remark { color: var(--soft); font-size: 0.86rem; }
.sights .proof { text-align: left; padding-left: 1.2rem; font-size: 0.9rem; width: 9.5rem; }
.sights thead th:last-child { padding-left: 1.2rem; }
.sights .proof.good { color: var(--good); font-weight: 600; }
.sights .proof.bad { color: var(--bad); font-weight: 600; }
.views thead th[class] { width: 23%; padding-left: 0.75rem; }
.views tbody th { position: relative; padding-left: 2.3rem; }
.views .number { position: absolute; left: 0; top: 50%; transform: translateY(-50%); }
.views tbody td { padding: 0.3rem 0.3rem 0.3rem 0; }
.views .sight {
  display: flex; gap: 0.5rem; align-items: center; padding: 0.4rem 0.7rem; border-radius: 9px; line-height: 1.25;
  min-height: 3rem;
}
.views .sight svg { flex: none; }
.views .sight span { min-width: 0; overflow-wrap: anywhere; }
.views small { display: block; color: var(--soft); font-size: 0.8rem; line-height: 1.3; overflow-wrap: anywhere; }
.calm .sight { color: var(--good); background: var(--good-wash); }
.waits .sight { color: var(--waits); background: var(--waits-wash); }
.stopped .sight { color: var(--ink); background: var(--faint); }
.alarm .sight { color: var(--bad); background: var(--bad-wash); }
.bars { list-style: none; margin: 0; padding: 0; font-size: 0.9rem; }
.bars li {
  display: grid; grid-template-columns: 12.5rem 15rem minmax(0, 1fr); column-gap: 0.8rem; align-items: center;
  padding: 0.28rem 0;
}
.bars b { color: var(--party); font-weight: 650; }
.bars .note { color: var(--soft); font-size: 0.86rem; }
.load { display: flex; align-items: center; }
.length { height: 1.05rem; min-width: 3px; border-radius: 4px; background: var(--party); opacity: 0.85; }
.bytes { padding-left: 0.6rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
footer {
  margin-top: 3rem; color: var(--soft); font-size: 0.9rem; border-top: 1px solid var(--line); padding-top: 1rem;
}
code { font-family: ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace; }
@media (max-width: 760px) {
  main { padding: 1.6rem 1rem 3rem; }
  h1 { font-size: 1.7rem; }
  .steps { grid-template-columns: 84px minmax(0, 1fr); }
  .steps > .amount { grid-column: 2; min-height: 0; border: 0; padding: 0 0 0.3rem; }
  .steps > .head { display: none; }
  .circles { grid-template-columns: minmax(0, 1fr); gap: 1.2rem; }
  .circles svg text.soft { font-size: 17.5px; }
  .circles svg text.big { font-size: 32px; }
  .bars li { grid-template-columns: minmax(0, 1fr); padding: 0.45rem 0; }
  thead { position: absolute; clip-path: inset(50%); }
  table, tbody { display: block; }
  tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.4rem; padding: 0.7rem 0; }
  tbody th { grid-column: 1 / -1; padding: 0 0 0.2rem; }
  tbody td { padding: 0; display: flex; flex-direction: column; }
  .who { display: block; padding-bottom: 0.15rem; }
  .sights .proof { grid-column: 1 / -1; padding: 0.2rem 0 0; width: auto; }
  .views tbody td { padding: 0; }
  .views .sight {
    flex: 1; flex-direction: column; align-items: flex-start; gap: 0.25rem; padding: 0.45rem; font-size: 0.8rem;
  }
}
@media print {
  body { background: #fff; font-size: 12px; }
  .card { break-inside: avoid; }
}
"""

"""How the parts of this page look that no other page has."""

STYLE = """
:root {
  --fr: var(--one); --nl: var(--two); --hoster: var(--three);
  --fr-wash: var(--one-wash); --nl-wash: var(--two-wash);
}
svg text.on { fill: var(--card); }
svg text.big { font-size: 24px; font-weight: 650; letter-spacing: -0.02em; }
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
thead th[class] { color: var(--party); font-weight: 650; }
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
.length { flex: none; min-width: 3px; border-radius: 4px; background: var(--party); opacity: 0.85; }
.bytes { padding-left: 0.6rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media screen and (max-width: 760px) {
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
"""

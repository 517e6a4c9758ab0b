/** The part of the audit about page cache: every folio is on the list that it belongs to, once. */
import type { Report } from './audit-slabs.ts';
import type { Machine } from './machine.ts';
import { FOLIO_ACTIVE, folioList, folioListRows, folioRows } from './memcg/folio-rows.ts';

/** Base pages of page cache by memcg: what is charged and what holds a css reference each. */
export function folioPages(machine: Machine): Int32Array {
  const pages = new Int32Array(machine.memcgs.flags.length);
  const { memcg, pages: pagesOf } = machine.folios;
  for (let row = folioListRows(machine.config); row < memcg.length; row++) {
    pages[memcg[row]] += pagesOf[row];
  }
  return pages;
}

/** Audits the lists of all memcgs. */
export function auditFolios(machine: Machine, report: Report): void {
  if (machine.config.folios === 0) return;
  const { next, prev, memcg: memcgOf, pages: pagesOf, flags } = machine.folios;
  const seen = new Uint8Array(folioRows(machine.config));
  for (let memcg = 1; memcg < machine.memcgs.flags.length; memcg++) {
    for (const active of [0, 1]) {
      const list = folioList(memcg, active);
      let pages = 0;
      if (prev[next[list]] !== list) {
        report('folios', `memcg ${memcg}: the oldest folio is linked wrongly`, { memcg });
      }
      for (let folio = next[list]; folio !== list && seen[folio] === 0; folio = next[folio]) {
        seen[folio] = 1;
        pages += pagesOf[folio];
        const wrongList = (flags[folio] & FOLIO_ACTIVE) !== (active === 0 ? 0 : FOLIO_ACTIVE);
        if (memcgOf[folio] !== memcg || wrongList || prev[next[folio]] !== folio) {
          report('folios', `folio ${folio} of memcg ${memcgOf[folio]} is on a list of ${memcg}`, {
            memcg,
          });
        }
      }
      if (pages !== machine.folioLists.pages[list]) {
        const counted = machine.folioLists.pages[list];
        report('folios', `memcg ${memcg}: ${pages} pages listed, ${counted} counted`, { memcg });
      }
    }
  }
  for (let folio = folioListRows(machine.config); folio < memcgOf.length; folio++) {
    if ((memcgOf[folio] !== 0) !== (seen[folio] === 1)) {
      report('folios', `folio ${folio} of memcg ${memcgOf[folio]} is on no list`);
    } else if (seen[folio] === 0 && pagesOf[folio] !== 0) {
      report('folios', `folio ${folio} is gone, but has ${pagesOf[folio]} pages`);
    }
  }
}

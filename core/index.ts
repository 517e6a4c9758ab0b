export { ATOMICS_KIND } from '#atomics';

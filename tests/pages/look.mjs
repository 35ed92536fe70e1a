// Opens pages in a real browser without network: each must open, fetch nothing, be free of accessibility errors, fit a telephone,
// and print. Screenshots of each, on a screen, on a telephone and on paper, are left beside it.
//
//   node look.mjs FOLDER PAGE...        CHROMIUM names the browser

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.env.NODE_PATH}/`));
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

const [folder, ...pages] = process.argv.slice(2);
const faults = [];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
for (const name of pages) {
  const context = await browser.newContext({ offline: true, bypassCSP: true, viewport: { width: 1000, height: 1400 } });
  const page = await context.newPage();
  const file = pathToFileURL(resolve(folder, name)).href;
  page.on("request", (request) => {
    if (request.url() !== file) faults.push(`${name}: fetches ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`${name}: ${error}`));
  await page.goto(file);

  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  for (const { id, nodes } of violations) faults.push(`${name}: ${id} at ${nodes.map((node) => node.target).join(" ")}`);
  const outline = await page.locator("body").ariaSnapshot();
  if (!outline.includes("heading")) faults.push(`${name}: nothing in the accessibility tree is a heading`);

  await page.screenshot({ path: `${folder}/${name}.screen.png`, fullPage: true });
  await page.setViewportSize({ width: 360, height: 740 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) faults.push(`${name}: ${overflow} pixels too wide for a telephone`);
  await page.screenshot({ path: `${folder}/${name}.telephone.png` });
  const paper = await page.pdf({ path: `${folder}/${name}.pdf`, format: "A4", preferCSSPageSize: true });
  if (paper.length < 1_000) faults.push(`${name}: prints nothing`);
  console.log(`${name}: ${passes.length} accessibility rules hold, ${violations.length} do not`);
  await context.close();
}
await browser.close();

for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);

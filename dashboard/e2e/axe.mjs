/** Accessibility checks with axe. */
import { AxeBuilder } from "@axe-core/playwright";

/**
 * Returns the serious and critical violations that axe finds. With `rules`, only those rules are
 * checked. Elements that match `excluded` are not checked.
 */
async function findings(page, { rules, excluded }) {
  // Wait for animations, because text that is fading in has low contrast.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {}))),
  );
  // The page has no frames, so axe does not need a separate page to merge results.
  const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ["violations"] });
  if (excluded) axe.exclude(excluded);
  if (rules) axe.withRules(rules);
  const { violations } = await axe.analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}

/**
 * Checks all rules in the light theme, and only contrast in the dark theme. Elements that match the
 * selector `excluded` are not checked.
 */
export async function findAll(view, excluded) {
  await view.emulateMedia({ colorScheme: "light" });
  const light = await findings(view, { excluded });
  await view.emulateMedia({ colorScheme: "dark" });
  const dark = await findings(view, { rules: ["color-contrast"], excluded });
  await view.emulateMedia({ colorScheme: "light" });
  return [...light, ...dark.map((one) => `dark theme: ${one}`)];
}

/** Actions that the browser tests use with files. */

/** The files that are attached to a draft. */
export const pending = (page) =>
  page.getByRole("list", { name: "Attached files" }).getByRole("listitem");

/** An attached file that is uploaded. */
export const uploaded = (page, name) =>
  pending(page)
    .filter({ hasText: name })
    .filter({ hasNot: page.getByRole("progressbar") });

/** Chooses files in the file dialog. */
export async function attach(page, ...files) {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Attach files" }).click();
  await (await chooser).setFiles(files);
}

/** Returns a PNG image of this size with a grid and its name. */
export async function drawImage(page, name, width, height, color) {
  const address = await page.evaluate(
    ([text, w, h, fill]) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
      const context = canvas.getContext("2d");
      context.fillStyle = fill;
      context.fillRect(0, 0, w, h);
      context.fillStyle = "white";
      for (let x = 0; x < w; x += 50) context.fillRect(x, 0, 1, h);
      for (let y = 0; y < h; y += 50) context.fillRect(0, y, w, 1);
      context.font = `${Math.round(h / 6)}px sans-serif`;
      context.fillText(text, w / 20, h / 2);
      return canvas.toDataURL("image/png");
    },
    [name, width, height, color],
  );
  const buffer = Buffer.from(address.slice(address.indexOf(",") + 1), "base64");
  return { name, mimeType: "image/png", buffer };
}

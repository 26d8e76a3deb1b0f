import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./styles/index.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/query-client";
import { followLanguage } from "./follow-language";
import { registerServiceWorker } from "./offline/register";
import { applyTheme } from "./preferences";
import { router } from "./router";
import { followVisibleHeight } from "./visible-height";

applyTheme();
followVisibleHeight();
registerServiceWorker();
const root = document.getElementById("root");
void followLanguage().then(() => {
  if (root)
    createRoot(root).render(
      <StrictMode>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </StrictMode>,
    );
});

// The one script of ours: keys, selection, focus, toasts. Everything works without it, by links and
// forms. Listeners sit on the document, so they outlive every swap.
(() => {
  "use strict";

  const $ = (css, root = document) => root.querySelector(css);
  const $$ = (css, root = document) => [...root.querySelectorAll(css)];
  const screen_ = () => $("#screen");
  const isTyping = (el) => el.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const isVisible = (el) => el.getClientRects().length > 0;

  document.documentElement.classList.add("js");

  // -- what assistive technology hears ------------------------------------------------------
  const say = (text) => {
    const place = $("#say");
    if (place) place.textContent = text;
  };

  // -- selection: kept by key, so that it survives paging; another filter starts afresh -------
  const picked = new Set();
  let pickedIn = null;
  const listState = () => {
    const list = screen_();
    return list && list.dataset.list ? list.dataset.list + "?" + list.dataset.state : null;
  };
  const boxes = () => $$('#screen input[name="pk"]');

  const drawSelection = () => {
    const bar = $("[data-bulk]");
    for (const box of boxes()) {
      box.checked = picked.has(box.value);
      box.closest("tr").classList.toggle("sel", box.checked);
    }
    const head = $("[data-all]");
    if (head) {
      const on = boxes().filter((box) => box.checked).length;
      head.checked = on > 0 && on === boxes().length;
      head.indeterminate = on > 0 && !head.checked;
    }
    if (!bar) return;
    const everything = $("[data-everything]", bar);
    if (!picked.size && everything) everything.checked = false;
    bar.classList.toggle("shown", picked.size > 0);
    const count = everything && everything.checked ? Number(bar.dataset.count) : picked.size;
    const noun = count === 1 ? bar.dataset.noun : bar.dataset.nouns;
    $("[data-picked]", bar).textContent = `${count.toLocaleString("en-GB")} ${noun} selected`;
  };
  const clearSelection = () => {
    picked.clear();
    drawSelection();
  };
  const adoptSelection = () => {
    if (listState() !== pickedIn) picked.clear();
    pickedIn = listState();
    for (const box of boxes()) if (box.checked) picked.add(box.value);
    drawSelection();
  };

  let lastBox = null;
  document.addEventListener("change", (event) => {
    const el = event.target;
    if (el.matches('#screen input[name="pk"]')) {
      el.checked ? picked.add(el.value) : picked.delete(el.value);
      drawSelection();
    } else if (el.matches("[data-all]")) {
      for (const box of boxes()) el.checked ? picked.add(box.value) : picked.delete(box.value);
      drawSelection();
    } else if (el.matches("[data-everything]")) {
      drawSelection();
    }
  });

  // Rows picked on other pages have no box here; they travel with the form all the same.
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, formData, verb } = event.detail;
    if (verb === "get" || elt.getAttribute("form") !== "act" || elt.name === "one") return;
    const here = new Set(boxes().map((box) => box.value));
    for (const key of picked) if (!here.has(key)) formData.append("pk", key);
  });

  // -- rows ---------------------------------------------------------------------------------
  const rows = () => $$("#screen tr[data-row]");
  const currentRow = () =>
    document.activeElement.closest("tr[data-row]") || $("#screen tr.at") || $("#screen tr.cur");
  const linkOf = (row) => $(".row-link", row) || $('input[name="pk"]', row);
  let opening = 0;

  const goTo = (row) => {
    for (const other of rows()) other.classList.toggle("at", other === row);
    const link = linkOf(row);
    if (link) link.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    const panel = $("#panel");
    if (panel && panel.dataset.open && link && link.hasAttribute("hx-get")) {
      clearTimeout(opening);
      opening = setTimeout(() => link.click(), 140); // a held key opens the row it stops at
    }
  };
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(currentRow());
    goTo(all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]);
  };
  const markOpen = () => {
    const panel = $("#panel");
    const key = panel ? panel.dataset.open : "";
    for (const row of rows()) {
      const on = key !== "" && row.dataset.row === key;
      row.classList.toggle("cur", on);
      const link = $(".row-link", row);
      if (link) on ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }
    document.body.classList.toggle("has-panel", Boolean(key));
  };

  document.addEventListener("click", (event) => {
    const el = event.target;
    if (el.closest("[data-dismiss]")) return dismiss(el.closest("[data-toast]"));
    if (el.closest("[data-unpick]")) return clearSelection();
    if (el.closest("[data-cancel]") && el.closest("dialog")) {
      event.preventDefault();
      return el.closest("dialog").close();
    }
    const opens = el.closest("[data-opens]");
    if (opens) {
      event.preventDefault();
      if (opens.dataset.opens === "palette") return openPalette();
      return $("#" + opens.dataset.opens).showModal();
    }
    const back = el.closest("[data-back]");
    if (back && document.referrer.split("?")[0] === back.href.split("?")[0]) {
      event.preventDefault(); // back to the list as it was: filters, page, place
      return history.back();
    }
    // Shift-click takes the boxes between.
    if (el.matches('#screen input[name="pk"]')) {
      const all = boxes();
      if (event.shiftKey && lastBox && all.includes(lastBox)) {
        const [a, b] = [all.indexOf(lastBox), all.indexOf(el)].sort((x, y) => x - y);
        for (const box of all.slice(a, b + 1)) el.checked ? picked.add(box.value) : picked.delete(box.value);
        drawSelection();
      }
      lastBox = el;
      return;
    }
    for (const pop of $$("details.mk-pop[open]")) if (!pop.contains(el)) pop.open = false;
    const row = el.closest("tr[data-row]");
    if (row && !el.closest("a, button, input, label, summary") && !String(getSelection())) {
      const link = $(".row-link", row);
      if (link) link.click();
    }
  });

  // -- keys ---------------------------------------------------------------------------------
  const pressed = (key) => {
    const found = $$(`[data-key="${CSS.escape(key)}"]`).filter((el) => isVisible(el) && !el.disabled);
    const nearest = (css) => found.find((el) => el.closest(css));
    return nearest("#toasts, #panel") || nearest("#screen") || found[0];
  };
  const firstField = (inside) => $("input:not([type=hidden]), select, textarea, button", inside);
  const escape_ = () => {
    const pop = $("details.mk-pop[open]");
    if (pop) {
      pop.open = false;
      return $("summary", pop).focus();
    }
    const close = $("#panel-close");
    if (close && isVisible(close)) return close.click();
    if (picked.size) clearSelection();
    else document.activeElement.blur();
  };

  // -- the palette: pages and things by name, arrows move, Enter opens --------------------------
  const openPalette = () => {
    const palette = $("#palette");
    if (!palette || $("dialog[open]")) return;
    palette.showModal();
    const field = $("#palette-q");
    field.select();
    field.dispatchEvent(new Event("shown"));
  };
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && $("#palette")) {
      event.preventDefault();
      return openPalette();
    }
    const palette = event.target.closest("#palette");
    if (!palette) return;
    const found = $$(".mk-hit", palette);
    const at = found.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      (found[Math.min(next, found.length - 1)] || $("#palette-q")).focus();
    } else if (event.key === "Enter" && at < 0 && found.length && !$(".htmx-request", palette)) {
      event.preventDefault();
      found[0].click();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if ($("dialog[open]")) return;
    if (event.key === "Escape") return escape_();
    if (document.body.dataset.keys === "off" || isTyping(event.target)) return;
    const act = {
      j: () => move(1),
      k: () => move(-1),
      x: () => {
        const box = currentRow() && $('input[name="pk"]', currentRow());
        if (box) box.click();
      },
      o: () => {
        const row = currentRow();
        if (row && row.dataset.page) location.assign(row.dataset.page);
      },
      "/": () => {
        const field = $("#search") || $("[data-search]");
        if (field) field.focus(), field.select();
      },
      "?": () => $("#keys") && $("#keys").showModal(),
    }[event.key];
    if (act) {
      event.preventDefault();
      return act();
    }
    const target = pressed(event.key);
    if (!target) return;
    event.preventDefault();
    target.click();
    if (target.matches("summary")) {
      const first = firstField(target.parentElement);
      if (first && target.parentElement.open) first.focus();
    }
  });

  // -- swaps: focus, scroll and open questions survive --------------------------------------
  let before = null;
  let lastIndex = 0; // of the row that last had the focus: where work goes on
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (row) lastIndex = rows().indexOf(row);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const active = document.activeElement;
    const row = active.closest("tr[data-row]");
    const list = screen_();
    const scroll = $("#scroll");
    before = {
      id: active.id,
      value: active.id === "find" ? active.value : null,
      caret: active.id === "find" ? active.selectionStart : null,
      index: row ? rows().indexOf(row) : -1,
      open: $("#screen tr.cur") ? rows().indexOf($("#screen tr.cur")) : -1,
      place: list ? `${list.dataset.state}#${list.dataset.place}` : "",
      top: scroll ? scroll.scrollTop : 0,
      posted: event.detail.requestConfig && event.detail.requestConfig.verb !== "get",
    };
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const { target, xhr, requestConfig } = event.detail;
    if (target && target.id === "palette-found") return;
    if (target && target.id === "filter-fields") return firstField(target).focus();
    const dialog = $("#dialog");
    if (target && (target.id === "dialog" || target.id === "handbook")) {
      if (!target.open) target.showModal();
      return;
    }
    if (dialog && dialog.open && requestConfig && requestConfig.elt.closest("#dialog")) dialog.close();
    if (requestConfig && requestConfig.verb !== "get" && xhr.status === 200) picked.clear();
    adoptSelection();
    markOpen();
    showTab();
    startToasts();
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (!before) return;
    const was = before;
    const target = event.detail.target;
    before = null;
    if (target && target.id === "filter-fields") return;
    const list = screen_();
    const scroll = $("#scroll");
    if (scroll && list && was.place === `${list.dataset.state}#${list.dataset.place}`) scroll.scrollTop = was.top;
    if (target && target.id === "panel") {
      const title = $("#panel-title");
      if (title) say(`${title.textContent} is open beside the list.`);
    } else if ($("#screen-count")) {
      say($("#screen-count").textContent);
    }
    if ($("dialog[open]")) return;
    const find = $("#find");
    if (was.value !== null && find) {
      find.value = was.value; // what was typed meanwhile stays
      find.focus();
      return find.setSelectionRange(was.caret, was.caret);
    }
    if (document.activeElement !== document.body) return;
    const again = was.id && document.getElementById(was.id);
    if (again && isVisible(again)) return again.focus({ preventScroll: true });
    // The row has gone: the one that took its place is next.
    const index = was.index >= 0 ? was.index : was.open;
    const next = rows()[Math.min(index >= 0 ? index : lastIndex, rows().length - 1)];
    if (!was.id && !was.posted) return;
    if (next && linkOf(next)) linkOf(next).focus({ preventScroll: true });
    else if ($("#main")) $("#main").focus({ preventScroll: true });
  });

  // A panel that refreshes itself must not do so under somebody's hands.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.target.hasAttribute("data-poll")) return;
    const busy = document.hidden || $("dialog[open]") || isTyping(document.activeElement) || String(getSelection());
    if (busy) event.preventDefault();
  });

  // -- toasts -------------------------------------------------------------------------------
  const dismiss = (toast) => {
    if (!toast) return;
    const held = toast.contains(document.activeElement);
    toast.remove();
    if (held && rows().length) (linkOf(rows()[0]) || document.body).focus();
  };
  const showTab = () => {
    const tab = $(".mk-views .on");
    if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40;
  };
  const startToasts = () => {
    for (const toast of $$("[data-toast]:not([data-running])")) {
      toast.dataset.running = "";
      const seconds = Number(toast.dataset.seconds);
      if (!seconds) continue;
      let left = seconds * 10;
      const tick = setInterval(() => {
        if (!toast.isConnected) return clearInterval(tick);
        if (toast.matches(":hover, :focus-within") || document.hidden) return;
        left -= 1;
        if (left <= 0) clearInterval(tick), dismiss(toast);
      }, 100);
    }
  };
  const complain = (kind) => {
    const place = $("#toasts");
    if (!place) return;
    const toast = document.createElement("div");
    toast.className = "mk-toast broke";
    toast.dataset.toast = "";
    toast.dataset.seconds = "0";
    const text = document.createElement("span");
    text.className = "grow";
    text.textContent = place.dataset[kind];
    const close = document.createElement("button");
    close.className = "btn sm q";
    close.type = "button";
    close.dataset.dismiss = "";
    close.textContent = "Close";
    toast.append(text, close);
    place.replaceChildren(toast);
  };
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.elt.hasAttribute("data-poll")) return;
    const dialog = $("#dialog");
    if (dialog && dialog.open) dialog.close();
    const kinds = { 403: "forbidden", 404: "missing", 503: "away" };
    complain(kinds[event.detail.xhr.status] || "broken");
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (!event.detail.elt.hasAttribute("data-poll")) complain("offline");
  });

  adoptSelection();
  markOpen();
  showTab();
  startToasts();
})();

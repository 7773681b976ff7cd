// What makes pages live; without it they are read as they were made.
"use strict";
const cell = (text) => {
  const td = document.createElement("td");
  td.textContent = text ?? "";
  return td;
};
for (const table of document.querySelectorAll("tbody[data-live]")) {
  const source = new EventSource(table.dataset.live);
  source.addEventListener("item", (event) => {
    const item = JSON.parse(event.data);
    const row = document.createElement("tr");
    const link = document.createElement("a");
    link.href = "/player/" + encodeURIComponent(item.player);
    link.textContent = item.player;
    const player = document.createElement("td");
    player.append(link);
    const amount = cell(item.amount ? item.amount + " " + item.currency : "");
    amount.className = "n";
    row.append(cell(item.at.slice(11, 23)), cell(item.event), player, cell(item.game), amount, cell(item.of));
    table.prepend(row);
    while (table.rows.length > 100) table.lastElementChild.remove();
  });
}
for (const table of document.querySelectorAll("tbody[data-balances]")) {
  const source = new EventSource(table.dataset.balances);
  source.addEventListener("balances", (event) => {
    const rows = JSON.parse(event.data).balances.map((of) => {
      const row = document.createElement("tr");
      row.append(cell(of.currency));
      for (const name of ["available", "cash", "held", "pending", "owed"]) {
        const td = cell(of[name]);
        td.className = "n";
        row.append(td);
      }
      return row;
    });
    table.replaceChildren(...rows);
  });
}

// A page that was good once must not look good for ever: its age shows when it is opened, and
// while it stays open. The grid starts at its newest days.
(function () {
  var made = new Date(document.body.dataset.made);
  var limit = Number(document.body.dataset.staleHours);
  var banner = document.getElementById("stale");
  function tell() {
    var hours = (Date.now() - made.getTime()) / 3600000;
    var age = hours < 96 ? Math.floor(hours) + " hours" : Math.floor(hours / 24) + " days";
    banner.textContent = "This page is " + age + " old. It says nothing about what is now: make a new one with alt-backup report.";
    banner.hidden = !(hours > limit);
    document.body.classList.toggle("is-stale", hours > limit);
  }
  tell();
  setInterval(tell, 60000);
  document.querySelectorAll(".scroll").forEach(function (box) { box.scrollLeft = box.scrollWidth; });
})();

// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/link_findings.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/progress.h"
#include "base/statistics.h"

namespace sphereface {
namespace {

constexpr double kSlowBesideOthers = 3;
constexpr double kSlowAnyway = 100e6;  // bytes a second
constexpr const char* kAdvice =
    ". Look at cable, port and driver there, and at which network it is: "
    "OMPI_MCA_btl_tcp_if_include "
    "chooses one";

struct Link {
  std::string from;
  std::string to;
  double latency = 0;
  double rate = 0;
};

std::vector<Link> linksOf(const LinkReport& report, const std::vector<std::string>& hosts) {
  const auto host = [&](int rank) { return hosts.at(static_cast<size_t>(rank - 1)); };
  std::vector<Link> links;
  links.reserve(static_cast<size_t>(report.link_size()));
  for (const LinkReport::Link& link : report.link()) {
    links.push_back(
        {host(link.rank()), host(link.peer()), link.latency_seconds(), link.bytes_per_second()});
  }
  return links;
}

std::vector<double> sorted(const std::vector<Link>& links, double Link::*of) {
  std::vector<double> values;
  values.reserve(links.size());
  for (const Link& link : links)
    values.push_back(link.*of);
  std::ranges::sort(values);
  return values;
}

std::string rateText(double bytes) {
  return formatScaled(bytes, "B/s");
}

std::string timeText(double seconds) {
  return seconds < 1e-3 ? concat(fixed(1e6 * seconds, 0), " us")
                        : concat(fixed(1e3 * seconds, seconds < 1e-2 ? 2 : 0), " ms");
}

std::string sizeText(uint64_t bytes) {
  return bytes < 1 << 20 ? concat(bytes >> 10, " KiB") : concat(bytes >> 20, " MiB");
}

/// "1.2 GB/s (0.9 GB/s .. 1.3 GB/s)"
template <class Text>
std::string middleAndRange(const std::vector<double>& values, Text text) {
  std::string middle = text(median(values));
  if (values.size() == 1) return middle;
  return concat(middle, " (", text(values.front()), " .. ", text(values.back()), ")");
}

/// What each worker sends, and so comparable between sizes and numbers of workers.
double busRate(const LinkReport::Reduction& reduction, size_t workers) {
  const auto n = static_cast<double>(workers);
  return 2 * (n - 1) / n * static_cast<double>(reduction.bytes()) / reduction.seconds();
}

std::vector<std::string> slowOnes(const std::vector<Link>& links) {
  const std::vector<double> rates = sorted(links, &Link::rate);
  const double good = rates[3 * rates.size() / 4];
  const std::string others = concat("; good ones have ", rateText(good));
  std::vector<std::string> texts;
  const bool all = links.size() > 1 && rates.back() < kSlowAnyway;
  if (all) {
    texts.push_back(concat(
        "the network between all hosts is slow: ", middleAndRange(rates, rateText), kAdvice));
  }
  // Where all are slow, those that are slower still.
  const auto slow = [&](const Link& link) {
    return link.rate * kSlowBesideOthers <= good || (!all && link.rate < kSlowAnyway);
  };
  std::map<std::string, std::pair<int, int>> of_host;  // its links, and the slow ones among them
  for (const Link& link : links) {
    for (const std::string& host : {link.from, link.to}) {
      of_host[host].first += 1;
      of_host[host].second += slow(link) ? 1 : 0;
    }
  }
  std::set<std::string> slow_hosts;
  for (const auto& [host, count] : of_host) {
    if (count.first < 2 || count.first != count.second) continue;
    slow_hosts.insert(host);
    std::vector<Link> own;
    std::ranges::copy_if(links, std::back_inserter(own), [&name = host](const Link& link) {
      return link.from == name || link.to == name;
    });
    texts.push_back(concat("all links of ", host, " are slow: ",
                           middleAndRange(sorted(own, &Link::rate), rateText), others, kAdvice));
  }
  for (const Link& link : links) {
    if (!slow(link) || slow_hosts.contains(link.from) || slow_hosts.contains(link.to)) continue;
    texts.push_back(concat("the link between ", link.from, " and ", link.to,
                           " is slow: ", rateText(link.rate),
                           links.size() > 1 ? others : std::string(), kAdvice));
  }
  return texts;
}

}  // namespace

LinkFindings judgeLinks(const LinkReport& report, const std::vector<std::string>& hosts) {
  const std::vector<Link> links = linksOf(report, hosts);
  LinkFindings findings;
  findings.summary =
      concat(links.size(), links.size() == 1 ? " link" : " links",
             " between hosts: ", middleAndRange(sorted(links, &Link::latency), timeText), ", ",
             middleAndRange(sorted(links, &Link::rate), rateText), " each way; all-reduce over ",
             hosts.size(), " workers:");
  for (const LinkReport::Reduction& reduction : report.reduction()) {
    const double bus = busRate(reduction, hosts.size());
    findings.summary +=
        concat(findings.details.contains("reduction") ? ", " : " ", sizeText(reduction.bytes()),
               " in ", timeText(reduction.seconds()), " (", rateText(bus), ")");
    findings.details["reduction"].push_back({{"bytes", reduction.bytes()},
                                             {"seconds", reduction.seconds()},
                                             {"bus_bytes_per_second", bus}});
  }
  for (const Link& link : links) {
    findings.details["links"].push_back({{"hosts", {link.from, link.to}},
                                         {"latency_seconds", link.latency},
                                         {"bytes_per_second", link.rate}});
  }
  findings.slow = slowOnes(links);
  return findings;
}

}  // namespace sphereface

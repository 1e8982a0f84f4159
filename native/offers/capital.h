// Regulatory capital of unsecured retail lending, the denominator of RAROC: Basel II, paragraph
// 330, "other retail exposures" (unchanged in Basel III's internal-ratings-based approach but for
// its floors).
#pragma once

namespace fenqi::offers {

// The standard normal distribution function and its inverse, to 1e-14; 0 < p < 1.
double normal_cdf(double x);
double normal_quantile(double p);

// K as a part of the exposure at default, 0 < pd < 1 of a year, 0 <= lgd <= 1:
//   R = 0.03 w + 0.16 (1 - w), w = (1 - e^(-35 PD)) / (1 - e^-35)
//   K = LGD N((G(PD) + sqrt(R) G(0.999)) / sqrt(1 - R)) - PD LGD
// 0 at the ends, where a loss is certain or impossible and none is unexpected.
double other_retail_capital(double pd, double lgd);

// Remembers the last answer: of one applicant many loans are looked at. One thread.
class RetailCapital {
 public:
  double of(double pd, double lgd) {
    if (pd != pd_ || lgd != lgd_) {
      pd_ = pd;
      lgd_ = lgd;
      capital_ = other_retail_capital(pd, lgd);
    }
    return capital_;
  }

 private:
  double pd_ = 0.0;
  double lgd_ = 0.0;
  double capital_ = 0.0;
};

}  // namespace fenqi::offers

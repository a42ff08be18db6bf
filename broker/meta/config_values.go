package meta

import (
	"slices"
	"strconv"
	"strings"
)

// Validate says why the key cannot have this value; "" if it can.
func (k *ConfigKey) Validate(value string) string {
	_, problem := k.Parse(value)
	return problem
}

// Parse returns a value as it is kept and described, or says why the key cannot have it. Values are
// read as Kafka reads them: booleans in any case, numbers and lists with spaces around them. Kept
// are booleans in small letters, and no spaces.
func (k *ConfigKey) Parse(value string) (kept, problem string) {
	if len(value) > configValueMax {
		return "", "Value of configuration " + k.Name + " is longer than " +
			strconv.Itoa(configValueMax) + " bytes"
	}
	switch k.Type {
	case ConfigBool:
		kept = strings.ToLower(strings.TrimSpace(value))
		if kept != "true" && kept != "false" {
			problem = "Expected value to be either true or false"
		}
	case ConfigInt, ConfigLong:
		kept = strings.TrimSpace(value)
		problem = k.numberProblem(kept)
	case ConfigDouble:
		if kept = strings.TrimSpace(value); !validRatio(kept) {
			problem = "Value must be a number from 0 to 1"
		}
	case ConfigString:
		kept = value
		problem = k.wordProblem(value)
	case ConfigList:
		list := splitList(value)
		for _, e := range list {
			if problem == "" {
				problem = k.wordProblem(e)
			}
		}
		kept = strings.Join(list, ",")
	}
	if problem == "" && k.Fixed && kept != k.Default {
		problem = k.Doc
	}
	if problem != "" {
		return "", "Invalid value " + value + " for configuration " + k.Name + ": " + problem
	}
	return kept, ""
}

// numberProblem says why a number is not allowed, in the words of Kafka; "" if it is.
func (k *ConfigKey) numberProblem(value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	most := maxLong
	if k.Type == ConfigInt {
		most = maxInt
	}
	switch {
	case err != nil || k.Type == ConfigInt && (n > maxInt || n < -maxInt-1):
		return "Not a number of type " + map[ConfigType]string{
			ConfigInt: "INT", ConfigLong: "LONG"}[k.Type]
	case n < k.Min:
		return "Value must be at least " + strconv.FormatInt(k.Min, 10)
	case n > k.Max && k.Max < most:
		return "Value must be no more than " + strconv.FormatInt(k.Max, 10)
	case strconv.FormatInt(n, 10) == k.Without:
		return "Value must not be " + k.Without
	}
	return ""
}

// wordProblem says why a word is not allowed; "" if it is.
func (k *ConfigKey) wordProblem(word string) string {
	if k.Allowed == nil || slices.Contains(k.Allowed, word) {
		return ""
	}
	return "String must be one of: " + strings.Join(k.Allowed, ", ")
}

// Kept returns the configurations of a topic as they are kept and described. Those that the topic
// cannot have stay as they are.
func (c Configs) Kept() Configs {
	out := slices.Clone(c)
	for i, e := range out {
		if k := FindConfigKey(e.Name, true); k != nil {
			if kept, problem := k.Parse(e.Value); problem == "" {
				out[i].Value = kept
			}
		}
	}
	return out
}

// validRatio reports whether v is a number from 0 to 1, as Java writes numbers: 0.5, 1e-2, .5f. It
// looks at the digits: floats stay out of the state machine (PROTOCOL 37).
func validRatio(v string) bool {
	v = strings.TrimRight(v, "fFdD")
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(v), "e")
	shift := 0
	if scaled {
		n, err := strconv.ParseInt(exponent, 10, 16)
		if err != nil {
			return false
		}
		shift = int(n)
	}
	whole, frac, _ := strings.Cut(strings.TrimPrefix(mantissa, "+"), ".")
	digits := whole + frac
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	significant := strings.TrimLeft(digits, "0")
	point := len(significant) - len(frac) + shift // of the digits, how many stand before the point
	one := strings.TrimRight(significant, "0") == "1"
	return significant == "" || point <= 0 || one && point == 1
}

// conflict says which configurations of a topic that has set these contradict each other; "" if
// none do.
func (img *Image) conflict(set Configs) string {
	t := &Topic{Configs: set}
	return conflictOf(func(k *ConfigKey) string { return img.TopicConfig(t, k.Name) })
}

// conflictOf says which values contradict each other.
func conflictOf(value func(*ConfigKey) string) string {
	least, most := value(FindConfigKey(minLagKey, true)), value(FindConfigKey(maxLagKey, true))
	low, _ := strconv.ParseInt(least, 10, 64)
	high, _ := strconv.ParseInt(most, 10, 64)
	if low > high {
		return "conflict topic config setting " + minLagKey + " (" + least + ") > " + maxLagKey +
			" (" + most + ")"
	}
	return ""
}

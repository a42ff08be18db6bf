package api

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire"
)

// apiVersions serves ApiVersions 0-4 (key 18): the version table, and from version 3 on
// the feature levels (KIP-584) that this broker supports and that the cluster has
// finalized. Requests with a higher version do not come here: the connection answers them
// in version 0 (KAFKA 2).
type apiVersions struct {
	header
	brokerTimeout
	req *kmsg.ApiVersionsRequest
}

func newApiVersions(h header, req *kmsg.ApiVersionsRequest) *apiVersions {
	return &apiVersions{header: h, req: req}
}

func (a *apiVersions) Next(Context, bool) []Op { return nil }

func (a *apiVersions) Resolve(int, any) {}

func (a *apiVersions) Answer(c Context) [][]byte {
	resp := a.req.ResponseKind().(*kmsg.ApiVersionsResponse)
	resp.Default()
	if a.version >= 3 &&
		(!softwareName(a.req.ClientSoftwareName) || !softwareName(a.req.ClientSoftwareVersion)) {
		resp.ErrorCode = int16(kafka.InvalidRequest)
		return a.frame(resp)
	}
	resp.ApiKeys = wire.AdvertisedVersions()
	if a.version >= 3 {
		resp.SupportedFeatures = a.supported(c)
		resp.FinalizedFeaturesEpoch = int64(c.Image().Index())
		c.Image().Features(func(name string, level int16) bool {
			resp.FinalizedFeatures = append(resp.FinalizedFeatures,
				kmsg.ApiVersionsResponseFinalizedFeature{
					Name: name, MinVersionLevel: level, MaxVersionLevel: level,
				})
			return true
		})
	}
	return a.frame(resp)
}

// metadataVersion is the feature that every broker has. The others are in the broker's
// registration.
const metadataVersion = "metadata.version"

// supported are the feature levels of this broker, by name.
func (a *apiVersions) supported(c Context) []kmsg.ApiVersionsResponseSupportedFeature {
	features := []meta.Feature{{Name: metadataVersion, Min: 1, Max: meta.MetadataVersion}}
	if b := c.Image().Broker(c.Node()); b != nil {
		for _, f := range b.Features {
			if f.Name != metadataVersion {
				features = append(features, f)
			}
		}
	}
	slices.SortFunc(features, func(a, b meta.Feature) int {
		return strings.Compare(a.Name, b.Name)
	})
	var out []kmsg.ApiVersionsResponseSupportedFeature
	for _, f := range features {
		if f.Min < 1 && a.version < 4 {
			continue // clients of version 3 break on a minimum of 0 (KAFKA-17011)
		}
		out = append(out, kmsg.ApiVersionsResponseSupportedFeature{
			Name: f.Name, MinVersion: f.Min, MaxVersion: f.Max,
		})
	}
	return out
}

// softwareName reports whether s is a name or version by KIP-511: ASCII letters and
// digits, and '-' and '.', but not at its start or end.
func softwareName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c != '-' && c != '.', i == 0, i == len(s)-1:
			return false
		}
	}
	return s != ""
}

package api

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire"
)

func eachVersion(t *testing.T, test func(t *testing.T, key, version int16)) {
	for _, row := range wire.Versions {
		for version := row.Min; version <= row.Max; version++ {
			t.Run(fmt.Sprintf("%s/%d", row.Name, version), func(t *testing.T) {
				test(t, row.Key, version)
			})
		}
	}
}

func emptyRequest(key, version int16) kmsg.Request {
	req := kmsg.RequestForKey(key)
	if d, ok := req.(interface{ Default() }); ok {
		d.Default()
	}
	req.SetVersion(version)
	return req
}

func TestEveryAdvertisedVersionIsServed(t *testing.T) {
	eachVersion(t, func(t *testing.T, key, version int16) {
		req := emptyRequest(key, version)
		if p, ok := req.(*kmsg.ProduceRequest); ok {
			p.Acks = -1
		}
		resp := serve(t, newFetchWorld(1), req, anyResult(env.NewRand(1, 1)))
		require.NotNil(t, resp)
		require.Equal(t, key, resp.Key())
		require.Equal(t, version, resp.GetVersion())
		if f := reflect.ValueOf(resp).Elem().FieldByName("ThrottleMillis"); f.IsValid() {
			require.Zero(t, f.Int())
		}
	})
}

func TestUnknownKeysHaveNoHandler(t *testing.T) {
	_, err := wire.ParseRequest([]byte{0, 8, 0, 0, 0, 0, 0, 0, 255, 255})
	require.Error(t, err)
	_, err = New(wire.Request{Key: 18, Version: 3, Body: []byte{1}})
	require.ErrorIs(t, err, wire.ErrMalformed)
}

// anyResult gives each operation some result, or none.
func anyResult(rng *env.Rand) func(Op) any {
	code := func() kafka.ErrorCode {
		codes := []kafka.ErrorCode{
			kafka.None, kafka.None, kafka.NotLeaderOrFollower, kafka.RequestTimedOut,
			kafka.OffsetNotAvailable,
		}
		return codes[rng.IntN(len(codes))]
	}
	return func(op Op) any {
		if rng.Chance(1, 10) {
			return never{}
		}
		switch op := op.(type) {
		case Produce:
			return ProduceResult{Code: code(), Base: 5, CurrentLeader: Leader{Node: 2, Epoch: 1}}
		case Fetch:
			r := FetchResult{
				Code: code(), Watermark: 9, LastStable: 9,
				DivergingEpoch: kafka.LeaderEpoch(rng.IntN(5)/4 - 1),
				CurrentLeader:  Leader{Node: 2, Epoch: 1},
			}
			if r.Code == kafka.None && op.MaxBytes > 0 && rng.Chance(1, 2) {
				r.Batches = [][]byte{batch.NewBuilder().Add(1, nil, nil).Build()}
			}
			return r
		case Wait:
			return never{}
		case Offsets:
			return OffsetsResult{Code: code(), Offset: 5, TimestampMs: 6, Epoch: 7}
		case EpochEnd:
			return EpochEndResult{Code: code(), Epoch: 5, End: 6}
		case DeleteRecords:
			return DeleteRecordsResult{Code: code(), LowWatermark: 5}
		case NextProducerID:
			return ProducerIDResult{Code: code(), ID: 7}
		case Applied:
			return AppliedResult{All: rng.Chance(1, 2)}
		case Propose:
			return ProposeResult{Code: code()}
		case Barrier:
			return BarrierResult{Code: code()}
		case Coordinate:
			if rng.Chance(1, 4) {
				return CoordinateResult{Code: kafka.CoordinatorLoadInProgress}
			}
			return coordinated(op.Request, code())
		}
		return nil
	}
}

// fill draws a value for every field of a request. Some of the names exist.
func fill(rng *env.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rng.Chance(1, 2))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		choices := []int64{-1 << 63, 1<<63 - 1, -2, -1, 0, 1, 2, 4, 1000}
		n := choices[rng.IntN(len(choices))]
		// The smallest and the largest value of the type, -1 and 0.
		v.SetInt(n >> max(0, 64-v.Type().Bits()))
		if n > -100 && n < 10000 && !v.OverflowInt(n) {
			v.SetInt(n)
		}
	case reflect.String:
		choices := []string{
			"t", "", "none", "a b", "1", "retention.ms", "x\x00\xff", "cleanup.policy", "compact",
		}
		v.SetString(choices[rng.IntN(len(choices))])
	case reflect.Pointer:
		if rng.Chance(2, 3) {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Array:
		if id := idOf("t"); rng.Chance(1, 2) {
			reflect.Copy(v, reflect.ValueOf(id[:]))
		} else {
			fill(rng, v.Index(0))
		}
	case reflect.Uint8:
		v.SetUint(rng.Uint64N(256))
	case reflect.Slice:
		if rng.Chance(1, 6) {
			return // null
		}
		v.Set(reflect.MakeSlice(v.Type(), rng.IntN(4), 4))
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" && name != "UnknownTags" {
				fill(rng, v.Field(i))
			}
		}
	}
}

// For every request and all results of operations, in every version, the answer decodes.
// No request makes a handler panic.
func TestAnyRequestIsAnswered(t *testing.T) {
	w := newFetchWorld(2)
	eachVersion(t, func(t *testing.T, key, version int16) {
		rng := env.NewRand(uint64(key), uint64(version))
		for range 200 {
			req := emptyRequest(key, version)
			fill(rng, reflect.ValueOf(req).Elem())
			image, give := w.image, anyResult(rng)
			resp := serve(t, w, req, func(op Op) any {
				p, ok := op.(Propose)
				if !ok {
					return give(op)
				}
				switch rng.IntN(4) {
				case 0:
					return never{}
				case 1:
					return ProposeResult{Code: kafka.NotController}
				}
				v := w.apply(p.Command)
				return ProposeResult{Index: uint64(v.Index), Verdict: v}
			})
			w.image = image
			if p, ok := req.(*kmsg.ProduceRequest); !ok || p.Acks != 0 {
				require.NotNil(t, resp)
			}
		}
	})
}

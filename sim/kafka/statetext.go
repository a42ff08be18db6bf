package kafka

import (
	"fmt"
	"hash/crc64"

	"example.com/lockstep/broker/meta"
)

var imageTable = crc64.MakeTable(crc64.ECMA)

func imageSum(image *meta.Image) uint64 { return crc64.Checksum(image.Encode(), imageTable) }

// OutsideOfLoops implements Outside.
func (*cluster) OutsideOfLoops() {}

// StateText implements StateNamer: a dump shows index and hash of a metadata image instead
// of its fields.
func (c *cluster) StateText(pointer any) (text string, ok bool) {
	image, ok := pointer.(*meta.Image)
	if !ok {
		return "", false
	}
	if text, ok = c.images[image]; !ok {
		text = fmt.Sprintf("metadata image %d, %016x", uint64(image.Index()), imageSum(image))
		c.images[image] = text
	}
	return text, true
}

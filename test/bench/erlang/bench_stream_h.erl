%% An Erlang stream handler: it answers inside the connection's process, so that a request costs no
%% process of its own. It is as close to the socket as code under Cowboy gets.
-module(bench_stream_h).
-behaviour(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).

-record(stream, {id, plan, hash, body = [], left = 0}).

init(Id, Req = #{path := Path, qs := Qs}, #{bench := Options}) ->
    Plan = bench_work:plan(Path, Qs, Req),
    start(Plan, Options, #stream{id = Id, plan = Plan}).

start({reply, Headers, Body}, _, Stream) ->
    {reply(Headers, Body), Stream};
start({generate, Bytes}, _, Stream) ->
    generate(Bytes, Stream);
start({file, Name}, #{files := Files}, Stream) ->
    Path = filename:join(Files, Name),
    Size = bench_work:file_size(Path),
    {[{response, 200, head(#{<<"content-length">> => integer_to_binary(Size)}),
        {sendfile, 0, Size, Path}}, stop], Stream};
start(upload, _, Stream) ->
    {[{flow, 1048576}], Stream#stream{hash = crypto:hash_init(sha256)}};
start(json, _, Stream) ->
    {[{flow, 65536}], Stream};
start(burn, #{burn := Turns}, Stream) ->
    _ = bench_work:burn(Turns),
    {reply(#{}, <<"burnt\n">>), Stream};
start({burn_for, Ms}, _, Stream) ->
    bench_work:burn_for(Ms),
    {reply(#{}, <<"burnt\n">>), Stream};
start({sleep, Ms}, _, Stream = #stream{id = Id}) ->
    _ = erlang:send_after(Ms, self(), {{self(), Id}, slept}),
    {[], Stream};
start(sse, _, Stream) ->
    {[{headers, 200, (head(#{}))#{<<"content-type">> => <<"text/event-stream">>}},
        {data, nofin, <<": hello\n\n">>}], Stream}.

data(_, nofin, Data, Stream = #stream{plan = upload, hash = Hash}) ->
    {[{flow, byte_size(Data)}], Stream#stream{hash = crypto:hash_update(Hash, Data)}};
data(_, fin, Data, Stream = #stream{plan = upload, hash = Hash}) ->
    Sum = crypto:hash_final(crypto:hash_update(Hash, Data)),
    {reply(#{}, [string:lowercase(binary:encode_hex(Sum)), "\n"]), Stream};
data(_, nofin, Data, Stream = #stream{plan = json, body = Body}) ->
    {[], Stream#stream{body = [Body, Data]}};
data(_, fin, Data, Stream = #stream{plan = json, body = Body}) ->
    {reply(#{}, bench_json:recode(iolist_to_binary([Body, Data]))), Stream};
data(_, _, _, Stream) ->
    {[], Stream}.

info(_, slept, Stream) ->
    {reply(#{}, <<"slept\n">>), Stream};
info(_, sent, Stream) ->
    next(Stream);
%% What Cowboy itself says to the client passes here.
info(_, Command, Stream) when element(1, Command) =:= response ->
    {[Command], Stream};
info(_, _, Stream) ->
    {[], Stream}.

terminate(_, _, _) -> ok.

early_error(_, _, _, Response, _) -> Response.

reply(Headers, Body) ->
    Length = integer_to_binary(iolist_size(Body)),
    [{response, 200, head(Headers#{<<"content-length">> => Length}), Body}, stop].

head(Headers) ->
    Headers#{<<"content-type">> => bench_work:type(), <<"server">> => <<"Cowboy">>,
        <<"date">> => cowboy_clock:rfc1123()}.

generate(Bytes, Stream) when Bytes =< 262144 ->
    Block = bench_work:block(),
    Whole = lists:duplicate(Bytes div byte_size(Block), Block),
    {reply(#{}, [Whole, binary:part(Block, 0, Bytes rem byte_size(Block))]), Stream};
generate(Bytes, Stream0) ->
    {Commands, Stream} = next(Stream0#stream{left = Bytes}),
    Head = head(#{<<"content-length">> => integer_to_binary(Bytes)}),
    {[{headers, 200, Head} | Commands], Stream}.

%% One piece; the message behind it is read when Cowboy has sent that.
next(Stream = #stream{id = Id, left = Left}) ->
    Block = bench_work:block(),
    case Left > byte_size(Block) of
        true ->
            self() ! {{self(), Id}, sent},
            {[{data, nofin, Block}], Stream#stream{left = Left - byte_size(Block)}};
        false ->
            {[{data, fin, binary:part(Block, 0, Left)}, stop], Stream#stream{left = 0}}
    end.
